"""SVOX Pico on Triton: robotic but clear, 25 ms a sentence on one core, no key and no GPU."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from controller.engines.registry import EngineContext
from controller.errors import SettingsError
from controller.frames import SAMPLE_RATE, SILENCE
from controller.messages import SpeechChunk
from controller.settings import TritonSettings
from controller.triton.client import TritonClient
from controller.triton.contracts import synthesize

LANGUAGES = frozenset({"en", "es", "fr", "de", "it"})


class Pico:
    """The voice."""

    name = "pico"

    def __init__(self, triton: TritonClient, deadlines: TritonSettings) -> None:
        self._triton = triton
        self._deadlines = deadlines

    def speaks(self, language: str) -> bool:
        return language in LANGUAGES

    async def synthesize(self, text: str, language: str, *, speed: float = 1.0) -> AsyncGenerator[SpeechChunk, None]:
        chunks = synthesize(
            self._triton,
            text,
            language,
            model=self.name,
            sample_rate=SAMPLE_RATE,
            speed=None if speed == 1.0 else speed,
            first_s=self._deadlines.first_chunk_s,
            gap_s=self._deadlines.gap_s,
        )
        async with aclosing(chunks):
            async for pcm in chunks:
                yield SpeechChunk(pcm, last=False)
        yield SpeechChunk(SILENCE[:0], last=True)

    async def probe(self) -> None:
        await self._triton.probe(self.name)


def make(context: EngineContext) -> Pico:
    """The engine from its settings.

    Raises:
        SettingsError: an option was given; it has none.
    """
    if context.options:
        raise SettingsError("The engine pico has no options.")
    return Pico(context.triton, context.deadlines)
