"""Log-mel spectrograms in numpy, one class for every front end; a preset says how one model was trained.

Knows arrays only: no model, no file, no batching.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MelPreset:
    """What a front end needs to be told. Sizes are samples, frequencies Hz."""

    sample_rate: int
    n_fft: int
    hop: int
    n_mels: int
    low_hz: float
    high_hz: float
    floor: float
    """Power below this counts as this, so that silence has a logarithm."""
    range_log10: float
    """What lies more than this many decades under the loudest cell is raised to there."""


WHISPER = MelPreset(
    sample_rate=16_000,
    n_fft=400,
    hop=160,
    n_mels=80,
    low_hz=0.0,
    high_hz=8_000.0,
    floor=1e-10,
    range_log10=8.0,
)
"""`audio.py` of openai/whisper: 25 ms periodic Hann windows every 10 ms, Slaney filters, log10 as (x + 4) / 4."""


class LogMel:
    """Turns samples into a log-mel spectrogram, scaled as `(log10(power) + 4) / 4`."""

    def __init__(self, preset: MelPreset) -> None:
        self.preset = preset
        self._filters = slaney_filters(preset)
        self._window = np.hanning(preset.n_fft + 1)[:-1].astype(np.float32)

    def frames(self, samples: int) -> int:
        """How many columns `samples` samples give."""
        return samples // self.preset.hop

    def __call__(self, pcm: Float) -> Float:
        """The spectrogram of `pcm`.

        Args:
            pcm: float32[n] in -1..1 at the preset's sample rate, n > n_fft / 2.
        Returns:
            float32[n_mels, n // hop].
        """
        p = self.preset
        padded = np.pad(pcm, p.n_fft // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, p.n_fft)[:: p.hop][: self.frames(len(pcm))]
        power = np.abs(np.fft.rfft(frames * self._window, axis=1)).astype(np.float32) ** 2
        log = np.log10(np.maximum(self._filters @ power.T, p.floor))
        log = np.maximum(log, log.max() - p.range_log10)
        scaled: Float = ((log + 4.0) / 4.0).astype(np.float32)
        return scaled


def slaney_filters(preset: MelPreset) -> Float:
    """Triangular filters of equal area on Slaney's mel scale: float32[n_mels, n_fft / 2 + 1].

    The scale is linear below 1 kHz (200/3 Hz a mel) and logarithmic above (6.4^(1/27) a mel), after M. Slaney, Auditory
    Toolbox, 1998: the default of librosa.filters.mel.
    """
    bins = np.fft.rfftfreq(preset.n_fft, 1.0 / preset.sample_rate)
    low, high = _mel(np.array([preset.low_hz, preset.high_hz]))
    edges = _hz(np.linspace(low, high, preset.n_mels + 2))
    width = np.diff(edges)
    ramps = edges[:, None] - bins[None]
    triangles = np.maximum(0.0, np.minimum(-ramps[:-2] / width[:-1, None], ramps[2:] / width[1:, None]))
    area = 2.0 / (edges[2:] - edges[:-2])
    filters: Float = (triangles * area[:, None]).astype(np.float32)
    return filters


_LINEAR_MEL = 200.0 / 3.0
_KNEE_HZ, _KNEE_MEL = 1_000.0, 15.0
_LOG_STEP = np.log(6.4) / 27.0


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _KNEE_MEL + np.log(np.maximum(hz, _KNEE_HZ) / _KNEE_HZ) / _LOG_STEP
    return np.where(hz < _KNEE_HZ, hz / _LINEAR_MEL, above)


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _KNEE_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _KNEE_MEL) - _KNEE_MEL))
    return np.where(mel < _KNEE_MEL, mel * _LINEAR_MEL, above)
