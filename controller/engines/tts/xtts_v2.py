"""XTTS v2 on Triton: 17 languages, in the voice of a short recording, whose latents go along with every utterance.

    [engines.options.xtts_v2]
    voice = "voices/house.npz"                                     # made with `dragoman voice make`
    voices = { es = "voices/ana.npz", bob = "voices/bob.npz" }

`voice` speaks every language but those that `voices` names; any other name in it can be asked for outside of calls, and
so can any profile that was enrolled and may be used. Files are read once, at the start.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from controller.engines.registry import EngineContext
from controller.engines.tts import DEFAULT
from controller.engines.tts.on_triton import TritonVoice
from controller.engines.tts.timbre import Timbre
from controller.errors import EngineRejected, SettingsError, VoiceError
from controller.frames import SAMPLE_RATE, Pcm
from controller.settings import TritonSettings
from controller.triton.client import Lane, TritonClient
from controller.triton.contracts import Latents
from controller.voices.latents import read
from controller.voices.library import Library

NAME = "xtts_v2"
LANGUAGES = frozenset(
    {"ar", "cs", "de", "en", "es", "fr", "hi", "hu", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "zh"}
)
"""Its model's (export/runtime/xtts/text/languages.py, which needs what the controller's environment has not)."""

_OPTIONS = {"voice": str, "voices": dict, "model": str, "seed": int}
_PATH = f"engines.options.{NAME}"


class XttsV2(TritonVoice):
    """The voice, in as many persons' voices as it was given."""

    clones = True

    def __init__(
        self,
        triton: TritonClient,
        deadlines: TritonSettings,
        voices: Mapping[str, Latents],
        *,
        model: str = NAME,
        seed: int | None = None,
        profiles: Library | None = None,
    ) -> None:
        """
        Args:
            voices: by name or by language, DEFAULT among them.
            profiles: those that were enrolled; a name in `voices` goes before.
        """
        super().__init__(triton, deadlines, name=NAME, model=model, languages=LANGUAGES)
        self._by_name = {name: Timbre(latents, name) for name, latents in voices.items()}
        self._seed = seed
        self._profiles = profiles

    @property
    def voices(self) -> Sequence[str]:
        enrolled = [one.name for one in self._profiles.cards if one.usable is None] if self._profiles else []
        return tuple(dict.fromkeys((DEFAULT, *self._by_name, *enrolled)))

    def timbre(self, voice: str, language: str, asked: Timbre | None = None) -> Timbre | None:
        if asked is not None:
            return asked
        if voice == DEFAULT and language in self._by_name:
            voice = language
        if voice in self._by_name:
            return self._by_name[voice]
        profile = self._profiles.held(voice) if self._profiles else None
        if profile is None:
            raise EngineRejected(f"{NAME} has no voice '{voice}': name it in {_PATH}.voices", engine=NAME)
        return Timbre(profile.latents, voice)

    async def narrate(
        self,
        text: str,
        language: str,
        *,
        voice: str = DEFAULT,
        speed: float = 1.0,
        sample_rate: int = SAMPLE_RATE,
        deadline_s: float | None = None,
        lane: Lane = Lane.TTS,
        timbre: Timbre | None = None,
    ) -> AsyncGenerator[Pcm, None]:
        if voice != DEFAULT and voice not in self._by_name and self._profiles:  # no call asks for one by name
            await self._have(self._profiles, voice)
        sound = super().narrate(
            text,
            language,
            voice=voice,
            speed=speed,
            sample_rate=sample_rate,
            deadline_s=deadline_s,
            lane=lane,
            timbre=timbre,
        )
        async with aclosing(sound):
            async for pcm in sound:
                yield pcm

    async def _have(self, profiles: Library, voice: str) -> None:
        """Have a profile in memory.

        Raises:
            EngineRejected: there is none, or it must not be used.
        """
        try:
            profile = await profiles.load(voice)
        except VoiceError as error:
            raise EngineRejected(str(error).rstrip("."), engine=NAME) from error
        if profile.usable is not None:
            raise EngineRejected(profile.usable.rstrip("."), engine=NAME)

    async def probe(self) -> None:
        """Nothing is said, but by the model's own engine, with a voice: that costs nothing and shows that it turns."""
        deadline_s = self._deadlines.first_chunk_s
        async with aclosing(self.narrate("", "en", deadline_s=deadline_s, lane=Lane.PROBE)) as sound:
            await anext(sound, None)


def make(context: EngineContext) -> XttsV2:
    """The engine from its settings.

    Raises:
        SettingsError: an option is wrong, or a voice file cannot be used.
    """
    options = context.options
    for name, value in options.items():
        kind = _OPTIONS.get(name)
        if kind is None:
            raise SettingsError(f"There is no setting {_PATH}.{name}: it has {', '.join(_OPTIONS)}.")
        if not isinstance(value, kind) or isinstance(value, bool):
            raise SettingsError(f"The setting {_PATH}.{name} is {value!r}: give {_EXAMPLES[name]}.")
    if "voice" not in options:
        raise SettingsError(f"{NAME} needs a voice: make one with `dragoman voice make`, and name it in {_PATH}.voice.")
    files = {DEFAULT: options["voice"], **options.get("voices", {})}
    return XttsV2(
        context.triton,
        context.deadlines,
        {name: _latents(name, file) for name, file in files.items()},
        model=options.get("model", NAME),
        seed=options.get("seed"),
        profiles=context.profiles,
    )


_EXAMPLES = {
    "voice": "a voice file",
    "voices": "a table of voice files by name or language",
    "model": "the name of Triton's model",
    "seed": "a whole number",
}


def _latents(name: str, file: Any) -> Latents:
    where = f"{_PATH}.voice" if name == DEFAULT else f"{_PATH}.voices.{name}"
    if not isinstance(file, str):
        raise SettingsError(f"The setting {where} is {file!r}: give a voice file.")
    try:
        return read(Path(file)).latents
    except VoiceError as error:
        raise SettingsError(f"The setting {where} cannot be used: {error}") from error
