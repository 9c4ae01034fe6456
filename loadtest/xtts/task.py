"""What both engines are given: one text, one voice, and how many tokens they say. Same bits in either environment."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.config import ModelConfig, Sampling

Float = NDArray[np.float32]

SEED: Final = 1
"""Of the structural weights."""

TOKENS: Final = 60
"""Audio tokens of an utterance; the one that would end it is not drawn before. 2.8 seconds of speech."""

TEXT: Final = "The meeting has been moved to the larger room on the second floor, beside the stairs."
LANGUAGE: Final = "en"

COMPARED_TOKENS: Final = 20
"""Decoded by both without chance, and compared."""

GREEDY: Final = Sampling(temperature=0.0)


def voice(config: ModelConfig) -> tuple[Float, Float]:
    """Latents, float32[32, width], and a speaker vector of length 1, float32[512]."""
    latents = _uniform(1, config.latents * config.width).reshape(config.latents, config.width) * np.float32(1.7)
    speaker = _uniform(2, config.speaker_width)
    return latents, speaker / np.sqrt(np.square(speaker).sum())


def _uniform(key: int, count: int) -> Float:
    bits = np.random.Philox(key=key).random_raw(count) >> np.uint64(40)
    numbers: Float = bits.astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)
    return numbers
