"""Scripted encoders of voices: who speaks is told by the pitch of what `somebody` says. No model, no server."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import soxr

from controller.errors import EngineError
from controller.frames import SAMPLE_RATE, Pcm
from controller.triton.contracts import Embedding, Latents

IDENTITY = "campplus:192:00112233aabbccdd"
STYLE = "gst:0011223344556677"
LATENTS = "xtts_conditioning:8899aabbccddeeff"


@cache
def somebody(pitch: float, seconds: float = 6.0, seed: int = 0, rate: int = SAMPLE_RATE) -> Pcm:
    """Something like speech at a pitch in hertz: syllables with a wandering pitch, pauses, breath up to 8 kHz."""
    random = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    times = np.arange(count) / SAMPLE_RATE
    hertz = pitch * (1 + 0.03 * np.sin(2 * np.pi * (1.1 + 0.1 * (seed % 5)) * times + seed))
    turn = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    voice = np.sum([np.sin(k * turn) / (1 + (k * pitch / 1500) ** 2) for k in range(1, 25)], axis=0)
    syllables = np.clip(np.sin(2 * np.pi * (3.5 + 0.2 * (seed % 3)) * times + seed), 0, 1) ** 0.7
    phrases = (np.sin(2 * np.pi * 0.4 * times + seed) > -0.7).astype(float)
    breath = random.standard_normal(count) * 0.15
    sound = (voice / np.abs(voice).max() + breath) * syllables * phrases * 9000 + random.standard_normal(count) * 10
    if rate != SAMPLE_RATE:
        sound = soxr.resample(sound, SAMPLE_RATE, rate)
    pcm: Pcm = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    pcm.setflags(write=False)
    return pcm


def pitch_of(pcm: Pcm) -> float:
    """Of what `somebody` said, in hertz."""
    wide = pcm.astype(np.float64)
    power = np.square(np.abs(np.fft.rfft(wide, 2 * len(wide))))
    alike = np.fft.irfft(power)[: SAMPLE_RATE // 70]
    shortest = SAMPLE_RATE // 400
    return SAMPLE_RATE / (shortest + int(np.argmax(alike[shortest:])))


class FakeEncoders:
    """Whoever has another pitch (by a sixth) is another person."""

    def __init__(self, identity: str = IDENTITY, width: int = 64) -> None:
        """`width`: of the latents."""
        self.model = identity
        self.width = width
        self.failing: EngineError | None = None
        self.forgotten: list[Latents | None] = []
        self.asked: list[str] = []
        self.also: dict[str, str] = {}
        """Further encoders of speakers by network: their ids."""

    async def identity(self, pcm: Pcm, network: str = "") -> Embedding:
        self._ask("identity")
        person = round(3 * np.log2(pitch_of(pcm) / 100))
        vector = _random(person, 256) + 0.3 * _random(_number(pcm), 256)
        vector[192:] = 0
        return Embedding((vector / np.linalg.norm(vector)).astype(np.float32), self.also.get(network, self.model))

    async def style(self, pcm: Pcm) -> Embedding:
        self._ask("style")
        return Embedding(_random(_number(pcm), 64), STYLE)

    async def latents(self, pcm: Pcm, rate: int) -> Latents:
        self._ask("latents")
        numbers = np.random.default_rng(_number(pcm)).standard_normal((32, self.width))
        return Latents(numbers.astype(np.float16), _random(_number(pcm) + 1, 512), LATENTS)

    async def forget(self, latents: Latents | None) -> None:
        self._ask("forget")
        self.forgotten.append(latents)

    def _ask(self, what: str) -> None:
        if self.failing is not None:
            raise self.failing
        self.asked.append(what)


def _number(pcm: Pcm) -> int:
    return zlib.crc32(pcm.tobytes())


def _random(seed: int, width: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    vector = np.random.default_rng(seed + 1000).standard_normal(width)
    return (vector / np.linalg.norm(vector)).astype(np.float32)
