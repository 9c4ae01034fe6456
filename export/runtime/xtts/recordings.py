"""What is taken as the recording of a voice: long enough, not endless, and with somebody in it.

Stricter than `Conditioning`, which hears whatever the reference hears. Knows samples; knows no model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.conditioning import Recording

SHORTEST_S, LONGEST_S = 3, 30
"""Seconds. From less, the voice is guessed; more than that the model does not hear."""

QUIETEST_DBFS = -60.0
"""Of the loudest half second. Below it lies the noise of a line on which nobody speaks."""

_WINDOW_S = 0.5


def checked(pcm: NDArray[np.int16], rate: int) -> Recording:
    """`pcm` as a recording.

    Args:
        pcm: int16[n], one channel.
        rate: Hertz.
    Raises:
        ValueError: it is none that a voice can be made from; one sentence.
    """
    recording = Recording(pcm.astype(np.float32) / np.float32(32_768), rate)
    seconds = len(pcm) / rate
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ValueError(f"the recording lasts {seconds:.2f} s: give {SHORTEST_S} to {LONGEST_S} s of one voice")
    if _loudest(recording.pcm, round(_WINDOW_S * rate)) < QUIETEST_DBFS:
        raise ValueError("the recording is silent: give one in which somebody speaks")
    return recording


def _loudest(sound: NDArray[np.float32], window: int) -> float:
    """Level of the loudest window, dBFS; what never changes is no sound."""
    pieces = sound[: len(sound) // window * window].reshape(-1, window).astype(np.float64)
    return float(20 * np.log10(pieces.std(axis=1).max() + 1e-12))
