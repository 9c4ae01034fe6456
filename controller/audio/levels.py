"""Levels and gains in decibels."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from controller.frames import Pcm

FULL_SCALE = 32768.0
FLOOR_DBFS = -96.0
"""Reported for digital silence; 16 bits go no lower."""


def gain(decibels: float) -> float:
    """The amplitude factor of a gain in dB."""
    return float(10.0 ** (decibels / 20.0))


def mean_square(samples: npt.NDArray[np.generic]) -> float:
    """Power; `samples` are not none."""
    wide = samples.astype(np.float32, copy=False)
    return float(np.dot(wide, wide)) / len(wide)


def dbfs(pcm: Pcm) -> float:
    """Root mean square level in dB relative to full scale, never under FLOOR_DBFS."""
    if not len(pcm):
        return FLOOR_DBFS
    rms = math.sqrt(mean_square(pcm))
    return max(FLOOR_DBFS, 20.0 * math.log10(rms / FULL_SCALE)) if rms else FLOOR_DBFS
