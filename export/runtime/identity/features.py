"""What the two networks hear: logarithms of mel bands, each band freed of its mean over the clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.runtime.identity.clips import Pcm
from export.runtime.mel import CAMPPLUS, ECAPA, Mel

Float = NDArray[np.float32]

FLOOR = 1e-10
"""Power below which a band counts as this much, for ECAPA."""
RANGE_DB = 80.0
"""What lies further beneath the loudest band of the clip is raised to there."""

EPSILON = np.finfo(np.float32).eps
"""The same floor for CAM++, as Kaldi has it."""


class EcapaFeatures:
    """`Fbank(n_mels=80)` and `InputNormalization(norm_type="sentence", std_norm=False)` of speechbrain 1.1."""

    def __init__(self) -> None:
        self._mel = Mel(ECAPA)

    def __call__(self, pcm: Pcm) -> Float:
        """float32[1 + samples // 160, 80]."""
        level = 10.0 * np.log10(np.maximum(self._mel(_floats(pcm)), np.float32(FLOOR)))
        return _without_mean(np.maximum(level, level.max() - np.float32(RANGE_DB)))


class CampplusFeatures:
    """`FBank(n_mels=80, mean_nor=True)` of 3D-Speaker, without dither."""

    def __init__(self) -> None:
        self._mel = Mel(CAMPPLUS)

    def __call__(self, pcm: Pcm) -> Float:
        """float32[1 + (samples - 400) // 160, 80]."""
        return _without_mean(np.log(np.maximum(self._mel(_floats(pcm)), EPSILON)))


def _floats(pcm: Pcm) -> Float:
    return pcm.astype(np.float32) / np.float32(32_768)


def _without_mean(level: Float) -> Float:
    """[frames, bands] of [bands, frames]."""
    freed = level - level.mean(axis=1, keepdims=True)
    return np.ascontiguousarray(freed.T, np.float32)
