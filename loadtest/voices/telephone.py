"""A telephone line: 300 to 3400 Hz, 8000 samples a second, 8 bits each by the mu-law of G.711."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.runtime.resampling import resampled

Pcm = NDArray[np.int16]

WIDE, NARROW = 16_000, 8_000
"""Hertz"""
BAND_HZ = (300.0, 3_400.0)
_TAPS = 201
_MU = 255.0


def over_telephone(pcm: Pcm) -> Pcm:
    """int16[n] at 16 kHz as it comes out at the other end, of the same length."""
    narrow = resampled(pcm.astype(np.float32) / np.float32(32_768), WIDE, NARROW)
    banded = np.convolve(narrow, _band_pass(), mode="same")
    compressed = np.sign(banded) * np.log1p(_MU * np.minimum(np.abs(banded), 1.0)) / np.log1p(_MU)
    level = np.round(compressed * 127) / 127
    expanded = np.sign(level) * (np.expm1(np.abs(level) * np.log1p(_MU)) / _MU)
    wide = resampled(expanded.astype(np.float32), NARROW, WIDE)[: len(pcm)]
    heard: Pcm = np.clip(np.pad(wide, (0, len(pcm) - len(wide))) * 32_767, -32_768, 32_767).astype(np.int16)
    return heard


def _band_pass() -> NDArray[np.float64]:
    """A windowed sinc: the difference of two low passes."""
    at = np.arange(_TAPS) - _TAPS // 2
    low, high = (2 * hz / NARROW * np.sinc(2 * hz / NARROW * at) for hz in BAND_HZ)
    taps: NDArray[np.float64] = (high - low) * np.hamming(_TAPS)
    return taps
