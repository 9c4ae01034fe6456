"""What a speaker can be told by: long enough, not endless, and not silent. Knows samples; knows no model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""Hertz"""

SHORTEST_S, LONGEST_S = 0.5, 30.0

Pcm = NDArray[np.int16]


def checked(pcm: NDArray[Any] | None) -> Pcm:
    """`pcm`, if a speaker can be told by it.

    Raises:
        ValueError: it cannot; one sentence.
    """
    if pcm is None or pcm.dtype != np.int16 or pcm.ndim != 1:
        raise ValueError("PCM must hold int16 samples of one channel at 16 kHz")
    seconds = len(pcm) / RATE
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ValueError(f"the recording lasts {seconds:.2f} s: give {SHORTEST_S:g} to {LONGEST_S:g} s of one voice")
    if pcm.min() == pcm.max():
        raise ValueError("the recording is silent: give one in which somebody speaks")
    return pcm
