"""What both engines are given: the same clips, bit by bit, in either environment."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000

SEED: Final = 1
"""Of the structural weights."""

CLIP_S: Final = 3.0
"""Of the clips that are timed."""
BATCHES: Final = (1, 8)
CLIPS_A_ROUND: Final = 16
"""That each batch size is timed on in each round."""

LENGTHS_S: Final = (0.5, 0.73, 1.01, 1.5, 2.2, 3.0, 4.37, 6.0)
"""Of the clips that are compared."""


def clip(seconds: float, seed: int) -> NDArray[np.int16]:
    """Something like a voice: a pitch that wanders, its overtones, breath."""
    count = round(seconds * RATE)
    bits = np.random.Philox(key=seed).random_raw(count) >> np.uint64(48)
    breath = bits.astype(np.float64) / 65_536 - 0.5
    times = np.arange(count) / RATE
    turn = np.cumsum(2 * np.pi * (110 + 10 * (seed % 12) + 40 * np.sin(times * (2 + seed % 5)))) / RATE
    voice = np.sum([np.sin(k * turn) / k for k in range(1, 12)], axis=0) * (1 + np.sin(times * 11)) / 2
    pcm: NDArray[np.int16] = np.rint(6_000 * voice + 600 * breath).astype(np.int16)
    return pcm


def timed() -> list[NDArray[np.int16]]:
    """As many as the largest batch."""
    return [clip(CLIP_S, seed) for seed in range(max(BATCHES))]


def compared() -> list[NDArray[np.int16]]:
    return [clip(seconds, 100 + seed) for seed, seconds in enumerate(LENGTHS_S)]
