"""Finding a known sound in a recording. Knows samples only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.frames import Pcm

Samples = npt.NDArray[np.float64]

GOOD: Final = 0.6
"""Least correlation of a finding. G.711 costs 0.01, the ducked original below a translation 0.1; what is not there
reaches 0.3."""

NEAR_BEST: Final = 0.9
"""The same sound may come twice: the first finding that is this near to the best one counts."""

_QUIET: Final = 8.0
"""Root mean square that a window is credited with at least, so that the last bit of silence fits nothing."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a sound begins."""

    position: int
    """in samples"""

    score: float
    """normalised correlation, -1 to 1"""


def chirp(seconds: float, low_hz: float, high_hz: float, peak: float, rate: int) -> Pcm:
    """A tone that rises evenly, under a Hann window: it correlates with nothing but itself."""
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (low_hz * t + (high_hz - low_hz) * t**2 / (2 * seconds))
    return np.rint(peak * np.hanning(len(t)) * np.sin(phase)).astype(np.int16)


def correlation(sound: Pcm, recording: Pcm) -> Samples:
    """Normalised correlation of `sound` with each stretch of its length in `recording`: float64[n - m + 1]."""
    size = len(recording) - len(sound) + 1
    if size <= 0 or not len(sound):
        return np.zeros(0)
    x, h = recording.astype(np.float64), sound.astype(np.float64)
    length = 1 << (len(x) + len(h) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(x, length) * np.conj(np.fft.rfft(h, length)), length)[:size]
    energy = np.concatenate([[0.0], np.cumsum(x**2)])
    window = np.maximum(energy[len(h) :] - energy[: len(energy) - len(h)], len(h) * _QUIET**2)
    scores: Samples = product / np.sqrt(window * max(float(np.dot(h, h)), 1.0))
    return scores


def find(sound: Pcm, recording: Pcm, begin: int = 0, end: int | None = None, *, good: float = GOOD) -> Found | None:
    """The first place, from `begin` on, at which `sound` is in `recording`; None where it is not.

    Args:
        end: where the sound begins before, at the latest.
    """
    begin = max(0, begin)
    stop = len(recording) if end is None else min(len(recording), end + len(sound))
    scores = correlation(sound, recording[begin:stop])
    if not len(scores) or (best := float(scores.max())) < good:
        return None
    first = int(np.argmax(scores >= max(good, best * NEAR_BEST)))
    top = first + int(np.argmax(scores[first : first + max(1, len(sound) // 8)]))
    return Found(begin + top, float(scores[top]))
