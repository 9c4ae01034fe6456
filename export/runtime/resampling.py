"""Another sample rate by torchaudio's filter, for models that were trained behind `torchaudio.functional.resample`.

Whole recordings in memory. Knows arrays only.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

ZEROS = 6
"""Zero crossings of the sinc on either side that the Hann window leaves (`lowpass_filter_width`)."""

ROLLOFF = 0.99
"""Of the lower Nyquist frequency, where the filter cuts off."""

TAPS_AT_MOST = 20_000_000
"""Numbers in a filter; rates without a common divisor would need one tap for every pair of samples of a second."""


def resampled(pcm: Float, rate: int, wanted: int) -> Float:
    """`pcm` at `wanted` Hz.

    Args:
        pcm: float32[n] at `rate` Hz.
    Returns:
        float32[ceil(n * wanted / rate)].
    Raises:
        ValueError: the rates have so little in common that the filter would not fit.
    """
    if rate == wanted:
        return pcm
    common = gcd(rate, wanted)
    old, new = rate // common, wanted // common
    if old * new > TAPS_AT_MOST:
        raise ValueError(
            f"{rate} Hz is too odd a rate to be made {wanted} Hz: resample the recording to 48000 Hz first"
        )
    taps, reach = _filter(old, new)
    padded = np.pad(pcm, (reach, reach + old))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, taps.shape[1])[::old]
    made: Float = (pieces @ taps.T).reshape(-1)[: ceil(new * len(pcm) / old)]
    return made


@lru_cache(maxsize=8)
def _filter(old: int, new: int) -> tuple[Float, int]:
    """One row of taps for each of `new` output samples that share `old` input samples, and how far taps reach beyond.

    In float32 throughout, as torchaudio has it: rounding is a part of what the model was trained behind.
    """
    cut = min(old, new) * ROLLOFF
    reach = ceil(ZEROS * old / cut)
    at = np.arange(-reach, reach + old, dtype=np.float32)[None] / np.float32(old)
    turn = (np.arange(0, -new, -1, dtype=np.float32)[:, None] / np.float32(new) + at) * np.float32(cut)
    turn = np.clip(turn, -ZEROS, ZEROS)
    window = np.cos(turn * np.float32(np.pi) / np.float32(ZEROS) / np.float32(2)) ** 2
    angle = turn * np.float32(np.pi)
    centre = angle == 0
    sinc = np.where(centre, np.float32(1), np.sin(angle) / np.where(centre, np.float32(1), angle))
    return (sinc * (window * np.float32(cut / old))).astype(np.float32), reach
