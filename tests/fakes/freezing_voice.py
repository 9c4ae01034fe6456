"""A voice in front of Pico that freezes when it is told to: before its first sound, or after some of it.

What it says is Pico's. It fails as an engine on Triton does whose model sends nothing any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from controller.engines.registry import EngineContext
from controller.engines.tts import Voice, pico
from controller.engines.tts.timbre import Timbre
from controller.errors import EngineTimeout
from controller.frames import SAMPLE_RATE
from controller.messages import SpeechChunk

NAME: Final = "freezing"


class FreezingVoice:
    """The voice."""

    name = NAME

    def __init__(self, voice: Voice, gap_s: float) -> None:
        """`gap_s`: so long after it froze in mid-speech it counts as failed."""
        self.frozen_after_s: float | None = None
        """So much is said of each utterance that is begun now; None says all of it."""
        self._voice = voice
        self._gap_s = gap_s

    def speaks(self, language: str) -> bool:
        return self._voice.speaks(language)

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        after_s = self.frozen_after_s
        if after_s == 0:
            await asyncio.Event().wait()  # whoever waits has a limit of their own
        left = None if after_s is None else round(after_s * SAMPLE_RATE)
        async with aclosing(self._voice.synthesize(text, language, speed=speed, timbre=timbre)) as chunks:
            async for chunk in chunks:
                if left is None or len(chunk.pcm) < left:
                    left = None if left is None else left - len(chunk.pcm)
                    yield chunk
                    continue
                yield SpeechChunk(chunk.pcm[:left], last=False)
                await asyncio.sleep(self._gap_s)
                raise EngineTimeout(f"{NAME} sent nothing for {self._gap_s:g} s", engine=NAME)

    async def probe(self) -> None:
        await self._voice.probe()


def make(context: EngineContext) -> FreezingVoice:
    """The engine from its settings; it has none."""
    return FreezingVoice(pico.make(context), context.deadlines.gap_s)
