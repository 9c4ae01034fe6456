"""What the style network hears: mel bands under the loudest of the clip, so that loudness itself tells nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.runtime.mel import GST, Mel

Float = NDArray[np.float32]

BANDS = GST.n_mels
DECADES = 6.0
"""What lies further under the loudest cell of the clip is raised to there."""
FLOOR = 1e-12


def levels(mel: Mel, pcm: NDArray[np.int16]) -> Float:
    """log10 of the power of each band, float32[1 + n // 200, 80], as it is in the recording."""
    power = mel(pcm.astype(np.float32) / np.float32(32_768))
    logarithms: Float = np.log10(np.maximum(power, np.float32(FLOOR))).T
    return logarithms


def scaled(levels_: Float) -> Float:
    """The same, under the loudest cell, about -2 to 2."""
    lowest = np.maximum(levels_ - levels_.max(), np.float32(-DECADES))
    return np.ascontiguousarray((lowest + np.float32(3)) / np.float32(1.5), np.float32)


class Features:
    """float32[1 + n // 200, 80] of int16[n] at 16 kHz."""

    def __init__(self) -> None:
        self._mel = Mel(GST)

    def __call__(self, pcm: NDArray[np.int16]) -> Float:
        return scaled(levels(self._mel, pcm))
