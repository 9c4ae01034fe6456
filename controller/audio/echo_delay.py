"""Finds at what delay a known signal comes back in another, by whitened cross-correlation.

Whitening makes every frequency count alike, so that two voices of the same pitch do not look alike (the generalised
cross-correlation of C. Knapp and G. Carter, IEEE Trans. ASSP 24, 1976, with a weight between theirs and none). A
phone's delay is constant: searches that follow each other are added up. Knows no voice activity, no call.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import numpy.typing as npt

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
_PHASES: Samples = np.ascontiguousarray(_ANTI_ALIAS.reshape(-1, DECIMATION).T)
MARGIN = len(_ANTI_ALIAS) - DECIMATION
"""Samples that decimation needs before those that are asked for."""


def decimate(samples: Samples) -> Samples:
    """`samples` at RATE; the first MARGIN of them are only led in with, the others are a multiple of DECIMATION."""
    # Four samples in a row times every fourth tap, then one of each of the six that follow each other.
    parts = samples.reshape(-1, DECIMATION) @ _PHASES
    count = len(parts) - _PHASES.shape[1] + 1
    decimated = parts[:count, 0].copy()
    for number in range(1, _PHASES.shape[1]):
        decimated += parts[number : number + count, number]
    return cast(Samples, decimated)


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
        both = np.zeros((2, _FFT), np.float32)  # transformed together in two thirds of the time
        both[0, : len(heard)] = heard
        both[1, : len(played)] = played
        heard_spectrum, played_spectrum = np.fft.rfft(both)
        cross = heard_spectrum * played_spectrum.conj()
        cross[:_LOW] = 0.0
        cross[_HIGH:] = 0.0
        middle = cross[_LOW:_HIGH]
        strength = np.sqrt(middle.real**2 + middle.imag**2)
        total = float(strength.sum())
        if total <= 0.0:
            return 0.0, 0.0
        middle /= np.sqrt(strength * np.sqrt(strength)) + 1e-6 * total  # to the power of 3/4: between 1/2 and 1
        correlation = np.fft.irfft(cross, _FFT)[: -REACH - 1 : -1]  # at delays from REACH - 1 down to 0
        self._sum *= _FORGET
        self._sum += correlation / (_root_mean_square(correlation) + 1e-9)
        size = np.abs(self._sum)
        best = int(np.argmax(size))
        return (REACH - best - 1) / RATE, float(size[best]) / (_root_mean_square(size) + 1e-9)


def _root_mean_square(samples: npt.NDArray[np.floating[Any]]) -> float:
    return math.sqrt(float(np.dot(samples, samples)) / len(samples))


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
    first = max(0, len(played) - len(heard) - round(delay_s * RATE) + FIT_LEAD - FIT_TAPS + 1)
    rows = played[first : first + len(heard) + FIT_TAPS - 1].astype(np.float64)
    heard = heard[FIT_TAPS - 1 - len(rows) :]
    squares = _squares(rows, len(heard))
    squares[np.diag_indices(FIT_TAPS)] += 1e-3 * np.trace(squares) / FIT_TAPS + 1.0
    taps = np.linalg.solve(squares, np.correlate(rows, heard, "valid"))
    left = heard - np.correlate(rows, taps, "valid")
    return 1.0 - float(np.dot(left, left)) / (float(np.dot(heard, heard)) + 1.0)


_DIAGONALS = np.abs(np.subtract.outer(np.arange(FIT_TAPS), np.arange(FIT_TAPS)))
_DIAGONALS += FIT_TAPS * np.minimum.outer(np.arange(FIT_TAPS), np.arange(FIT_TAPS))
"""Where each product of two shifts is in a table by the first shift and by how much further the second is."""


def _squares(rows: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    """The products of all pairs of FIT_TAPS shifts of `rows`, `count` samples each: one more shift of both takes a
    product of samples in at the end and leaves one out at the beginning, so only the first shift's are multiplied out.
    """
    windows = np.lib.stride_tricks.sliding_window_view
    end = np.concatenate([rows[count:], np.zeros(FIT_TAPS)])
    table = np.empty((FIT_TAPS, FIT_TAPS))
    table[0] = np.correlate(rows, rows[:count], "valid")
    np.multiply(end[: FIT_TAPS - 1, None], windows(end, FIT_TAPS)[: FIT_TAPS - 1], out=table[1:])
    table[1:] -= rows[: FIT_TAPS - 1, None] * windows(rows, FIT_TAPS)[: FIT_TAPS - 1]
    return np.take(np.cumsum(table, axis=0), _DIAGONALS)
