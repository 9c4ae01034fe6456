"""A scripted voice whose every text sounds different and can be found again in a recording."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, Callable
from functools import cache

import soxr

from controller.engines.tts.timbre import Timbre
from controller.frames import SAMPLE_RATE, Pcm
from controller.messages import SpeechChunk
from tests.fakes.sounds import RATE, speech_like

CLIP_S = 1.0

CHUNK = SAMPLE_RATE // 5


def clip(text: str) -> Pcm:
    """What `ClipVoice` says for `text`, at 8 kHz."""
    return speech_like(CLIP_S, seed=zlib.crc32(text.encode()))


@cache
def _wide(sound: Callable[[str], Pcm], text: str) -> Pcm:
    """What `sound` makes of `text`, at the controller's rate. Kept: to make it takes milliseconds that twenty calls at
    once do not have."""
    pcm: Pcm = soxr.resample(sound(text), RATE, SAMPLE_RATE)
    return pcm


class ClipVoice:
    """What `sound` makes of each text (a second of noise in the telephone band), in chunks of 200 ms, the first after
    `delay_s`."""

    name = "clip-tts"

    def __init__(self, delay_s: float = 0.3, sound: Callable[[str], Pcm] = clip) -> None:
        """`sound`: text in, 8 kHz out."""
        self.delay_s = delay_s
        self._sound = sound
        self.asked: list[tuple[str, float]] = []
        """Text and speed; the sound is the same at any speed."""

    def speaks(self, language: str) -> bool:
        return True

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        self.asked.append((text, speed))
        pcm = _wide(self._sound, text)
        await asyncio.sleep(self.delay_s)
        for start in range(0, len(pcm), CHUNK):
            yield SpeechChunk(pcm[start : start + CHUNK], last=start + CHUNK >= len(pcm))

    async def probe(self) -> None:
        return None
