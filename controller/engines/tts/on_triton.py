"""A voice whose model on Triton streams PCM, by the contract that all of these share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from controller.engines.tts import DEFAULT
from controller.frames import SAMPLE_RATE, SILENCE, Pcm
from controller.messages import SpeechChunk
from controller.settings import TritonSettings
from controller.triton.client import Lane, TritonClient
from controller.triton.contracts import UTTERANCE_S, Latents, synthesize

SMALLEST = "1."
"""A text that every language can read out."""


@dataclass(frozen=True, slots=True)
class Timbre:
    """How an utterance shall sound, for models that clone."""

    latents: Latents | None = None
    seed: int | None = None


class TritonVoice:
    """The voice. One that clones says in `timbre` how."""

    def __init__(
        self, triton: TritonClient, deadlines: TritonSettings, *, name: str, model: str, languages: Collection[str]
    ) -> None:
        self.name = name
        self._triton = triton
        self._deadlines = deadlines
        self._model = model
        self._languages = languages

    @property
    def voices(self) -> Sequence[str]:
        """Whose, DEFAULT first."""
        return (DEFAULT,)

    def speaks(self, language: str) -> bool:
        return language in self._languages

    def timbre(self, voice: str, language: str) -> Timbre:
        """That of the voice called `voice` where it speaks `language`.

        Raises:
            EngineRejected: there is no such voice.
        """
        return Timbre()

    async def synthesize(self, text: str, language: str, *, speed: float = 1.0) -> AsyncGenerator[SpeechChunk, None]:
        async with aclosing(self.narrate(text, language, speed=speed)) as sound:
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
    ) -> AsyncGenerator[Pcm, None]:
        timbre = self.timbre(voice, language)
        chunks = synthesize(
            self._triton,
            text,
            language,
            model=self._model,
            sample_rate=sample_rate,
            speed=None if speed == 1.0 else speed,
            latents=timbre.latents,
            seed=timbre.seed,
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
