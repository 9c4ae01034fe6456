"""Levels and gains in decibels."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
    return _dbfs(mean_square(pcm)) if len(pcm) else FLOOR_DBFS


def loudest_dbfs(frames: Sequence[Pcm]) -> float:
    """The level of the loudest of `frames`, of one length each and not none: one after the other takes ten times as
    long."""
    wide = np.stack(frames).astype(np.float32)
    return _dbfs(float(np.einsum("ij,ij->i", wide, wide).max()) / wide.shape[1])


def _dbfs(power: float) -> float:
    return max(FLOOR_DBFS, 10.0 * math.log10(power / FULL_SCALE**2)) if power else FLOOR_DBFS
