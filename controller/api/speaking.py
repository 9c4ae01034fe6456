"""The voice that the API speaks with: made from what the call process hands over, a few utterances at a time.

Knows engines; knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Final

from controller.engines.registry import EngineContext, chain_names, make_voice
from controller.engines.tts import DEFAULT, NARRATION_S, Narrator, Voice
from controller.errors import EngineError, EngineRejected, EngineUnavailable
from controller.frames import Pcm
from controller.settings import EngineSettings, FallbackSettings, Settings, TritonSettings
from controller.telemetry.first_audio import FirstAudio
from controller.triton.client import TritonClient
from controller.voices.library import Library

PROBED_S: Final = 3.0
"""For so long a probe's answer is good: however many ask for health, the engine is asked once."""

RATE: Final = 24_000
"""Hertz, where nobody says."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be said."""

    text: str
    language: str
    voice: str = DEFAULT
    speed: float = 1.0
    sample_rate: int = RATE


class Speaking:
    """One engine with room for `most` utterances at a time."""

    def __init__(self, engine: Voice, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self.engine = engine
        self.most = most
        self.first_audio = FirstAudio()
        self.active = 0
        """Utterances under way."""
        self._now = now
        self._probing: asyncio.Task[str | None] | None = None
        self._probed = -PROBED_S

    @property
    def narrator(self) -> Narrator | None:
        """The engine, where it speaks outside of calls."""
        return self.engine if isinstance(self.engine, Narrator) else None

    def begin(self, ask: Ask) -> Saying:
        """Begin to say it; the caller closes it, whatever happens.

        Raises:
            EngineUnavailable: there is no room.
            EngineRejected: the engine speaks in calls only.
        """
        narrator, name = self.narrator, self.engine.name
        if narrator is None:
            raise EngineRejected(f"The voice {name} speaks in calls only.", engine=name)
        if self.active >= self.most:
            raise EngineUnavailable(
                f"{self.active} texts are being spoken, which is all that api.speeches allows: try again.", engine=name
            )
        self.active += 1
        sound = narrator.narrate(
            ask.text,
            ask.language,
            voice=ask.voice,
            speed=ask.speed,
            sample_rate=ask.sample_rate,
            deadline_s=NARRATION_S,
        )
        return Saying(self, sound, self._now)

    async def trouble(self) -> str | None:
        """What is wrong with the engine at this moment, or was a moment ago; None where it works."""
        if self._probing is None or (self._probing.done() and self._now() - self._probed >= PROBED_S):
            self._probing = asyncio.create_task(self._probe(), name="speech probe")
        return await asyncio.shield(self._probing)

    async def _probe(self) -> str | None:
        try:
            await self.engine.probe()
        except EngineError as error:
            return str(error)
        finally:
            self._probed = self._now()
        return None


class Saying:
    """An utterance under way: `first`, then `rest`, then `aclose`."""

    def __init__(self, speaking: Speaking, sound: AsyncGenerator[Pcm, None], now: Callable[[], float]) -> None:
        self.first_ms = 0.0
        """How long the first sound took."""
        self._speaking = speaking
        self._sound = sound
        self._now = now
        self._began = now()
        self._open = True

    async def first(self) -> Pcm | None:
        """The first sound; None where there is nothing to say in the text.

        Raises:
            EngineError: the engine could not begin.
        """
        pcm = await anext(self._sound, None)
        if pcm is not None:
            self.first_ms = (self._now() - self._began) * 1000
            self._speaking.first_audio.add(self.first_ms)
        return pcm

    async def rest(self) -> AsyncGenerator[Pcm, None]:
        """What follows it. Raises EngineError where the engine fails half-way."""
        async for pcm in self._sound:
            yield pcm

    async def aclose(self) -> None:
        """It is over, or nobody listens any more: the engine stops."""
        if self._open:
            self._open = False
            self._speaking.active -= 1
            await self._sound.aclose()


def hand_over(settings: Settings) -> str:
    """What the API process must know to speak, and no more; empty where it is not to speak."""
    if not settings.api.speeches:
        return ""
    engines = settings.engines
    names = chain_names("tts", engines.tts, settings.fallback)
    told: dict[str, Any] = {
        "engines": {name: engines.options.get(name, {}) for name in names},
        "triton": settings.triton.model_dump(mode="json"),
        "fallback": settings.fallback.model_dump(mode="json"),
        "most": settings.api.speeches,
    }
    return json.dumps(told, default=str)


def take_over(told: str, profiles: Library | None = None) -> Speaking:
    """The voice that `hand_over` told of. Needs the running event loop.

    Args:
        profiles: voices that were enrolled, to speak with.
    Raises:
        SettingsError: it cannot be made.
    """
    known = json.loads(told)
    deadlines = TritonSettings(**known["triton"]).patient()
    context = EngineContext(TritonClient(deadlines.grpc), deadlines, {}, profiles=profiles)
    first, *behind = known["engines"]
    settings = EngineSettings(tts=first, options=known["engines"])
    fallback = FallbackSettings(**known["fallback"] | {"tts": behind}).patient(deadlines)
    return Speaking(make_voice(settings, context, fallback), known["most"])
