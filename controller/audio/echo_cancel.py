"""Takes the echo of a known signal out of a microphone's frames, once its delay is known.

A frequency domain Kalman filter (G. Enzner and P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo
control in hands-free telephones", Signal Processing 86, 2006): each bin of the echo path is estimated with its
uncertainty, so that it learns fast, and holds still by itself while a person speaks over the echo. Knows no delay
search, no voice activity, no call.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from controller.audio.track import Samples
from controller.frames import FRAME_SAMPLES

Spectrum = npt.NDArray[np.complexfloating[Any, Any]]
Power = npt.NDArray[np.floating[Any]]

FFT = 1024
"""Samples of the reference that a frame is compared with."""

TAPS = FFT - FRAME_SAMPLES
"""704 samples, 44 ms: the loudspeaker, a room's first reflections, and what the delay is off by."""

_BINS = FFT // 2 + 1

_SHARE = FRAME_SAMPLES / FFT
"""How much of an error block one frame fills."""

_KEEP = 0.998
"""How firmly the path of the last frame is believed to be that of this one (A squared in the paper)."""

_LEAST_DOUBT = 0.03
"""Of the first doubt: what a bin's neighbours leak into it teaches it less than it seems."""

_DECAY = 0.3
"""How fast the estimate of what is not echo follows it down; up it follows at once."""

_LEAKAGE = 0.01
"""Of the mean power: what a bin of a short block holds of its neighbours."""


class Reference(NamedTuple):
    """What was played, up to the sample that a frame's last one could first echo."""

    spectrum: Spectrum
    power: Power

    @classmethod
    def of(cls, played: Samples) -> Reference:
        """`played`: float32[FFT]."""
        spectrum = np.fft.rfft(played)
        return cls(spectrum, spectrum.real**2 + spectrum.imag**2)


class Canceller:
    """One echo path of TAPS samples."""

    def __init__(self, strength: float, known: Canceller | None = None) -> None:
        """`strength`: how much of the played power comes back, roughly. `known`: a path to go on from."""
        self.doubted = 0.0
        """Mean square of what may be left of the echo in the last frame, for all that is known of the path."""
        self._strength = strength
        self._path: Spectrum = np.zeros(_BINS, np.complex64) if known is None else known._path.copy()
        self._doubt = np.full(_BINS, strength, np.float32)
        """Expected squared error of each bin of the path."""
        self._near = np.zeros(_BINS, np.float32)
        """Power of what is not echo, per bin."""
        self._error = np.zeros(FFT, np.float32)

    def left(self, spectrum: Spectrum, microphone: Samples) -> Samples:
        """What `cancel` would leave, by what was played; nothing is learned."""
        return cast(Samples, microphone - np.fft.irfft(self._path * spectrum, FFT)[TAPS:])

    def doubt(self) -> None:
        """Learn from the next frames as at first: to be called before the same frames are gone through again."""
        self._doubt[:] = self._strength

    def cancel(self, played: Reference, microphone: Samples, *, learn: bool = True) -> Samples:
        """The microphone's frame without the echo, float32[FRAME_SAMPLES] both; then, where it is to `learn`, the path
        is learned from it."""
        left = self.left(played.spectrum, microphone)
        expected = self._doubt * played.power
        self.doubted = 2.0 / FFT**2 * float(expected.sum())
        if learn:
            self._learn(played, expected, left)
        return left

    def _learn(self, played: Reference, expected: Power, left: Samples) -> None:
        spectrum, power = played
        self._error[TAPS:] = left
        error = np.fft.rfft(self._error)
        near = np.maximum(error.real**2 + error.imag**2 - _SHARE * expected, 0.0)
        self._near += _DECAY * (near - self._near)
        np.maximum(self._near, near, out=self._near)
        gain = self._doubt / (expected + self._doubt * (_LEAKAGE * power.mean()) + self._near + 1.0)
        step = np.fft.irfft(gain * spectrum.conj() * error, FFT)
        step[TAPS:] = 0.0  # a path has no more than TAPS
        self._path += np.fft.rfft(step)
        self._doubt *= _KEEP * (1.0 - _SHARE * gain * power)
        self._doubt += (1.0 - _KEEP) * (self._path.real**2 + self._path.imag**2)
        np.maximum(self._doubt, _LEAST_DOUBT * self._strength, out=self._doubt)
