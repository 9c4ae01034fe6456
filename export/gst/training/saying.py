"""The same words said otherwise: a recording taken apart by WORLD and put together at another rate, pitch and range.

M. Morise, F. Yokomori, K. Ozawa, WORLD: a vocoder-based high-quality speech synthesis system, 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyworld
from numpy.typing import NDArray

from export.runtime.prosody.pitch import HIGHEST_HZ, LOWEST_HZ, RATE

Pcm = NDArray[np.int16]
Double = NDArray[np.float64]

FRAME_MS = 5.0
LOUDEST = 0.95
"""Of full scale: what comes out louder is made quieter, not clipped."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is said; as it was, by default."""

    rate: float = 1.0
    """Times as fast."""
    semitones: float = 0.0
    """Higher."""
    width: float = 1.0
    """Times as far from the median pitch, in semitones."""


class Saying:
    """One recording taken apart."""

    def __init__(self, pcm: Pcm) -> None:
        sound = pcm.astype(np.float64) / 32_768
        rough, times = pyworld.dio(sound, RATE, f0_floor=LOWEST_HZ, f0_ceil=HIGHEST_HZ, frame_period=FRAME_MS)
        self._hz: Double = pyworld.stonemask(sound, rough, times, RATE)
        self._envelope: Double = pyworld.cheaptrick(sound, self._hz, times, RATE)
        self._breath: Double = pyworld.d4c(sound, self._hz, times, RATE)

    def said(self, manner: Manner) -> Pcm:
        """int16[n] at 16 kHz."""
        places = np.arange(0, len(self._hz) - 1, manner.rate).round().astype(int)
        hz = np.zeros(len(self._hz))
        voiced = self._hz > 0
        if voiced.any():
            middle = np.median(np.log2(self._hz[voiced]))
            moved = middle + (np.log2(self._hz[voiced]) - middle) * manner.width + manner.semitones / 12
            hz[voiced] = np.clip(2**moved, LOWEST_HZ, HIGHEST_HZ * 1.5)
        sound = pyworld.synthesize(
            hz[places],
            np.ascontiguousarray(self._envelope[places]),
            np.ascontiguousarray(self._breath[places]),
            RATE,
            FRAME_MS,
        )
        peak = np.abs(sound).max(initial=0.0)
        scaled: Pcm = (sound * (32_767 * min(1.0, LOUDEST / max(peak, 1e-9)))).astype(np.int16)
        return scaled
