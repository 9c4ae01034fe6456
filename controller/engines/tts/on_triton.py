"""A voice whose model on Triton streams PCM, by the contract that all of these share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing

from controller.engines.tts import DEFAULT
from controller.engines.tts.timbre import Timbre
from controller.frames import SAMPLE_RATE, SILENCE, Pcm
from controller.messages import SpeechChunk
from controller.settings import TritonSettings
from controller.triton.client import Lane, TritonClient
from controller.triton.contracts import UTTERANCE_S, synthesize

SMALLEST = "1."
"""A text that every language can read out."""


class TritonVoice:
    """The voice. It has one of its own; one that clones says in `timbre` what else it sounds like."""

    def __init__(
        self, triton: TritonClient, deadlines: TritonSettings, *, name: str, model: str, languages: Collection[str]
    ) -> None:
        self.name = name
        self._triton = triton
        self._deadlines = deadlines
        self._model = model
        self._languages = languages
        self._seed: int | None = None

    @property
    def voices(self) -> Sequence[str]:
        """Whose, DEFAULT first."""
        return (DEFAULT,)

    def speaks(self, language: str) -> bool:
        return language in self._languages

    def timbre(self, voice: str, language: str, asked: Timbre | None = None) -> Timbre | None:
        """What `language` is spoken with: `asked` where there is one, or that of the voice called `voice`; None is the
        model's own.

        Raises:
            EngineRejected: there is no such voice.
        """
        return None

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        async with aclosing(self.narrate(text, language, speed=speed, timbre=timbre)) as sound:
            async for pcm in sound:
                yield SpeechChunk(pcm, last=False)
        yield SpeechChunk(SILENCE[:0], last=True)

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
        chosen = self.timbre(voice, language, timbre)
        chunks = synthesize(
            self._triton,
            text,
            language,
            model=self._model,
            sample_rate=sample_rate,
            speed=None if speed == 1.0 else speed,
            latents=None if chosen is None else chosen.latents,
            seed=self._seed,
            first_s=self._deadlines.first_chunk_s,
            gap_s=self._deadlines.gap_s,
            deadline_s=deadline_s or UTTERANCE_S,
            lane=lane,
        )
        async with aclosing(chunks):
            async for pcm in chunks:
                yield pcm

    async def warm(self, language: str, voice: str = DEFAULT) -> None:
        async with aclosing(self.narrate(SMALLEST, language, voice=voice)) as sound:
            await anext(sound, None)

    async def probe(self) -> None:
        await self._triton.probe(self._model)
