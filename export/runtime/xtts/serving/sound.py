"""The vocoder's sound as whoever asked wants it: another rate, 16 bits, piece after piece as one stream.

Every sample is computed from the same samples in the same order, however the sound was cut on its way here: a filter of
our own, since a library's may work in blocks, keeps back 20 ms of what it was given, and is not everywhere. Knows no
model and no listener.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.serving.requests import Pcm

Float = NDArray[np.float32]

REACH_S = 64 / 24_000
"""Seconds of sound on either side that a resampled sample is made from: 2.7 ms."""

CUT = 0.95
"""Of the lower Nyquist frequency: the middle of the slope. At 16 kHz nothing is lost up to 7.1 kHz, and 85 dB are from
8.1 kHz on."""

KAISER_BETA = 8.6


def pcm16(sound: NDArray[np.floating[Any]]) -> Pcm:
    """Sound in -1..1 as 16 bits, what is louder clipped."""
    pcm: Pcm = np.rint(np.clip(sound, -1.0, 1.0) * 32_767.0).astype(np.int16)
    return pcm


class Resampler:
    """One stream of sound, from one rate to a lower one."""

    def __init__(self, rate: int, wanted: int) -> None:
        """From `rate` to `wanted` hertz."""
        common = gcd(rate, wanted)
        self._old, self._new = rate // common, wanted // common
        self._reach = round(REACH_S * rate)
        self._taps = _taps(self._old, self._new, self._reach)
        self._kept = np.zeros(self._reach - 1, np.float32)
        self._first = 1 - self._reach
        """Which sample of the stream the first that is kept is."""
        self._made = 0

    def add(self, sound: Float) -> NDArray[np.float64]:
        """What is settled once `sound`, float32[n], has come too."""
        self._kept = np.concatenate([self._kept, sound])
        come = self._first + len(self._kept)
        return self._until(((come - self._reach) * self._new - 1) // self._old + 1)

    def end(self) -> NDArray[np.float64]:
        """The rest; there are ceil(n * wanted / rate) samples in all."""
        come = self._first + len(self._kept)
        self._kept = np.concatenate([self._kept, np.zeros(self._reach + self._old, np.float32)])
        return self._until(-(-come * self._new // self._old))

    def _until(self, end: int) -> NDArray[np.float64]:
        """Samples up to number `end` of the made ones, and forget what no later one needs."""
        count = max(0, end - self._made)
        out = np.zeros(count)
        for first in range(min(self._new, count)):
            place, phase = divmod((self._made + first) * self._old, self._new)
            begin = place - self._reach + 1 - self._first
            part = out[first :: self._new]
            # One tap after the other: a product of matrices would add up in another order for another count.
            for tap, weight in enumerate(self._taps[phase], begin):
                part += weight * self._kept[tap : tap + (len(part) - 1) * self._old + 1 : self._old]
        self._made += count
        done = self._made * self._old // self._new - self._reach + 1 - self._first
        self._kept, self._first = self._kept[done:], self._first + done
        return out


@lru_cache(maxsize=8)
def _taps(old: int, new: int, reach: int) -> NDArray[np.float64]:
    """For each place of a made sample between two others, in `new` parts: 2 x reach weights, which add up to 1."""
    cut = CUT * min(1.0, new / old)
    away = np.arange(1 - reach, reach + 1)[None] - np.arange(new)[:, None] / new
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (away / reach) ** 2)))
    taps = np.sinc(cut * away) * window
    normed: NDArray[np.float64] = taps / taps.sum(axis=1, keepdims=True)
    return normed


class Sound:
    """What one listener hears."""

    def __init__(self, rate: int, wanted: int) -> None:
        self._rate = rate
        self._resampler = None if rate == wanted else Resampler(rate, wanted)

    def add(self, sound: Float) -> Pcm:
        """The next part, float32[n] in -1..1 at `rate`; what of it can be heard by now.

        Raises:
            FloatingPointError: it is no sound.
        """
        if not np.isfinite(sound).all():
            raise FloatingPointError("the vocoder's sound is not finite: its weights or the voice are damaged")
        return pcm16(sound if self._resampler is None else self._resampler.add(sound))

    def pause(self, seconds: float) -> Pcm:
        """Silence as the next part."""
        return self.add(np.zeros(round(seconds * self._rate), np.float32))

    def end(self) -> Pcm:
        """What is left."""
        return pcm16(np.zeros(0) if self._resampler is None else self._resampler.end())
