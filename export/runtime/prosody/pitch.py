"""Pitch, level and tilt of a recording, frame by frame: autocorrelation and band power of one transform.

P. Boersma, Accurate short-term analysis of the fundamental frequency, 1993. Knows samples; knows no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]

RATE = 16_000
"""Hertz"""
HOP = 160
FRAME_S = HOP / RATE
WINDOW = 800
"""Samples: three periods of the lowest pitch."""
LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0

PERIODIC = 0.5
"""Autocorrelation from which on a frame is voiced."""
OCTAVE_COST = 0.02
"""What an octave upwards is preferred by: two periods repeat as well as one."""
BELOW, ABOVE = 0.65, 1.6
"""A voice keeps between its lower quartile times the one and its upper quartile times the other: the second pass."""

BAND_HZ = (300.0, 3_400.0)
"""What a telephone carries: levels are of this band alone, so that they mean the same on any line."""
MIDDLE_HZ = 1_000.0
"""Tilt is the level above it over the level below it."""

_SIZE = 2_048
_BLOCK = 512
"""Frames that are transformed at once."""
_QUIET = 1e-12


@dataclass(frozen=True, slots=True)
class Track:
    """One number a frame of 10 ms, the frame's middle at `index * FRAME_S`."""

    hz: Double
    """0 where the frame is not voiced."""
    level_db: Double
    tilt_db: Double


def track(pcm: NDArray[Any]) -> Track:
    """The track of int16[n] at 16 kHz: 1 + n // 160 frames."""
    likeness, level, tilt = (np.concatenate(parts) for parts in zip(*_blocks(pcm), strict=True))
    hz = _picked(likeness, LOWEST_HZ, HIGHEST_HZ)
    if (hz > 0).any():
        low, high = np.percentile(hz[hz > 0], [25, 75])
        hz = _picked(likeness, max(LOWEST_HZ, BELOW * low), min(HIGHEST_HZ, ABOVE * high))
    return Track(hz, level, tilt)


def _blocks(pcm: NDArray[Any]) -> Iterator[tuple[Double, Double, Double]]:
    """Autocorrelation by lag, level and tilt of some frames at a time."""
    sound = np.pad(pcm.astype(np.float64) / 32_768, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP]
    window = np.hanning(WINDOW + 1)[:-1]
    own = _autocorrelation(np.abs(np.fft.rfft(window, _SIZE)) ** 2)
    hz = np.fft.rfftfreq(_SIZE, 1 / RATE)
    lower = (hz >= BAND_HZ[0]) & (hz < MIDDLE_HZ)
    upper = (hz >= MIDDLE_HZ) & (hz <= BAND_HZ[1])
    for start in range(0, len(frames), _BLOCK):
        some = frames[start : start + _BLOCK]
        power = np.abs(np.fft.rfft((some - some.mean(axis=1, keepdims=True)) * window, _SIZE)) ** 2
        likeness = _autocorrelation(power) / own
        below, above = (power[:, bins].sum(axis=1) + _QUIET for bins in (lower, upper))
        yield likeness, 10 * np.log10(below + above), 10 * np.log10(above / below)


def _autocorrelation(power: Double) -> Double:
    """Of one transform, or of one each row, at lags up to the lowest pitch's and one more; 1 at none."""
    lags = np.fft.irfft(power, _SIZE)[..., : int(RATE / LOWEST_HZ) + 2]
    scaled: Double = lags / np.maximum(lags[..., :1], _QUIET)
    return scaled


def _picked(likeness: Double, low: float, high: float) -> Double:
    """The pitch of each frame, within limits in Hz."""
    first, last = max(1, int(RATE / high)), min(likeness.shape[1] - 2, int(np.ceil(RATE / low)))
    before, here, after = (likeness[:, first + step : last + 1 + step] for step in (-1, 0, 1))
    lags = np.arange(first, last + 1)
    score = np.where((here > before) & (here >= after), here - OCTAVE_COST * np.log2(lags / first), -np.inf)
    best = score.argmax(axis=1)[:, None]
    a, b, c = (np.take_along_axis(one, best, axis=1)[:, 0] for one in (before, here, after))
    # The top of the parabola through the three.
    lag = lags[best[:, 0]] + 0.5 * (a - c) / np.minimum(a - 2 * b + c, -_QUIET)
    voiced = np.isfinite(score.max(axis=1)) & (b >= PERIODIC)
    hz: Double = np.where(voiced, RATE / np.maximum(lag, 1.0), 0.0)
    return hz
