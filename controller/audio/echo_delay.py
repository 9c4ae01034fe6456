"""Finds at what delay a known signal comes back in another, by whitened cross-correlation.

Whitening makes every frequency count alike, so that two voices of the same pitch do not look alike (the generalised
cross-correlation of C. Knapp and G. Carter, IEEE Trans. ASSP 24, 1976, with a weight between theirs and none). A
phone's delay is constant: searches that follow each other are added up. Knows no voice activity, no call.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from controller.audio.track import Samples
from controller.frames import SAMPLE_RATE

DECIMATION = 4
RATE = SAMPLE_RATE // DECIMATION
"""Hertz at which signals are compared: speech up to 2 kHz is enough for a delay."""

MAX_DELAY_S = 0.62
"""Longest delay that is looked for: 500 ms of phone and network, and our own buffers."""

BLOCK_S = 0.3
"""How much of the microphone is compared at once."""

BLOCK = round(BLOCK_S * RATE)
REACH = round(MAX_DELAY_S * RATE)
_FFT = 4096
assert BLOCK + REACH <= _FFT
_LOW, _HIGH = (round(hertz / RATE * _FFT) for hertz in (200, 1900))
_FORGET = 0.6
"""What is kept of the searches before, each time."""

_ANTI_ALIAS: Samples = (np.sinc(np.arange(-11.5, 12) / DECIMATION * 0.95) * np.hamming(24)).astype(np.float32)
_ANTI_ALIAS /= _ANTI_ALIAS.sum()
MARGIN = len(_ANTI_ALIAS) - DECIMATION
"""Samples that decimation needs before those that are asked for."""


def decimate(samples: Samples) -> Samples:
    """`samples` at RATE; the first MARGIN of them are only led in with."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, len(_ANTI_ALIAS))[::DECIMATION]
    return cast(Samples, windows @ _ANTI_ALIAS)


class DelaySearch:
    """Searches that follow each other on one leg."""

    def __init__(self) -> None:
        self._sum = np.zeros(REACH, np.float32)

    def search(self, played: Samples, heard: Samples) -> tuple[float, float]:
        """Compare the latest block.

        Args:
            played: float32[BLOCK + REACH] at RATE.
            heard: float32[BLOCK] at RATE, ending at the same moment.
        Returns:
            The delay in seconds that fits best, and how far it stands out: its correlation over the root mean square
            of that at all delays.
        """
        cross = np.fft.rfft(heard, _FFT) * np.fft.rfft(played, _FFT).conj()
        cross[:_LOW] = 0.0
        cross[_HIGH:] = 0.0
        middle = cross[_LOW:_HIGH]
        strength = np.abs(middle)
        total = float(strength.sum())
        if total <= 0.0:
            return 0.0, 0.0
        middle /= np.sqrt(strength * np.sqrt(strength)) + 1e-6 * total  # to the power of 3/4: between 1/2 and 1
        correlation = np.fft.irfft(cross, _FFT)[: -REACH - 1 : -1]  # at delays from REACH - 1 down to 0
        self._sum *= _FORGET
        self._sum += correlation / (np.sqrt(np.mean(np.square(correlation))) + 1e-9)
        size = np.abs(self._sum)
        best = int(np.argmax(size))
        return (REACH - best - 1) / RATE, float(size[best] / (np.sqrt(np.mean(np.square(size))) + 1e-9))


FIT_TAPS = 100
"""25 ms of echo path: a loudspeaker and what a hand or a table throws back."""

FIT_LEAD = 24
"""Samples that the fitted path begins before the delay: 6 ms."""


def explained(played: Samples, heard: Samples, delay_s: float) -> float:
    """The share of the power of `heard` that is `played` at `delay_s`, through the FIT_TAPS that fit best.

    Args:
        played: float32[BLOCK + REACH] at RATE, as for the search.
        heard: float32[n] at RATE, n <= BLOCK, ending at the same moment.
    """
    first = len(played) - len(heard) - round(delay_s * RATE) + FIT_LEAD - FIT_TAPS + 1
    rows = played[max(0, first) : max(0, first) + len(heard) + FIT_TAPS - 1]
    shifted = np.lib.stride_tricks.sliding_window_view(rows, FIT_TAPS)
    heard = heard[-len(shifted) :]
    squares = shifted.T @ shifted
    squares[np.diag_indices(FIT_TAPS)] += 1e-3 * np.trace(squares) / FIT_TAPS + 1.0
    left = heard - shifted @ np.linalg.solve(squares, shifted.T @ heard)
    return 1.0 - float(np.dot(left, left)) / (float(np.dot(heard, heard)) + 1.0)
