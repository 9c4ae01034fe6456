"""Mel spectrograms in numpy, one class for every front end; a preset says how one model was trained.

Knows arrays only: no model, no file, no batching.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log10
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MelPreset:
    """What a front end needs to be told. Sizes are samples, frequencies Hz."""

    sample_rate: int
    n_fft: int
    window: int
    """Samples of the window, which lies in the middle of the transform; it is periodic, unless the edges are cut."""
    hop: int
    n_mels: int
    low_hz: float
    high_hz: float
    shape: Literal["hann", "hamming", "povey"] = "hann"
    scale: Literal["slaney", "htk", "kaldi"] = "slaney"
    """kaldi: HTK's scale, on which the filters themselves are triangles too."""
    equal_area: bool = True
    """Whether a wide filter is as much lower; else each is 1 at its peak."""
    even_slopes: bool = False
    """Whether a filter falls as steeply as it rises; else it ends where the next but one begins."""
    pre_emphasis: float = 0.0
    """So much of the sample before is taken off each sample."""
    edges: Literal["mirrored", "silent", "cut"] = "mirrored"
    """What lies beyond the ends of the sound; where they are cut only whole windows count, and each is freed of its
    mean, as Kaldi does it."""


WHISPER = MelPreset(sample_rate=16_000, n_fft=400, window=400, hop=160, n_mels=80, low_hz=0.0, high_hz=8_000.0)
"""`audio.py` of openai/whisper: 25 ms every 10 ms."""

GST = MelPreset(sample_rate=16_000, n_fft=1_024, window=800, hop=200, n_mels=80, low_hz=0.0, high_hz=8_000.0)
"""What our style network hears: 50 ms every 12.5, long enough to tell the harmonics of a voice apart."""

XTTS_CONDITIONING = MelPreset(
    sample_rate=22_050, n_fft=2_048, window=1_024, hop=256, n_mels=80, low_hz=0.0, high_hz=8_000.0, scale="htk"
)
"""What XTTS's GPT is conditioned on: `get_gpt_cond_latents` of coqui-tts, torchaudio's MelSpectrogram, normed."""

XTTS_SPEAKER = MelPreset(
    sample_rate=16_000,
    n_fft=512,
    window=400,
    hop=160,
    n_mels=64,
    low_hz=0.0,
    high_hz=8_000.0,
    shape="hamming",
    scale="htk",
    equal_area=False,
    pre_emphasis=0.97,
)
"""What XTTS tells speakers by: `speaker_encoder_audio_config` of coqui-tts, a MelSpectrogram of torchaudio."""

ECAPA = MelPreset(
    sample_rate=16_000,
    n_fft=400,
    window=400,
    hop=160,
    n_mels=80,
    low_hz=0.0,
    high_hz=8_000.0,
    shape="hamming",
    scale="htk",
    equal_area=False,
    even_slopes=True,
    edges="silent",
)
"""`Fbank(n_mels=80)` of speechbrain 1.1, before its logarithm."""

CAMPPLUS = MelPreset(
    sample_rate=16_000,
    n_fft=512,
    window=400,
    hop=160,
    n_mels=80,
    low_hz=20.0,
    high_hz=8_000.0,
    shape="povey",
    scale="kaldi",
    equal_area=False,
    pre_emphasis=0.97,
    edges="cut",
)
"""`compliance.kaldi.fbank` of torchaudio, before its logarithm: what 3D-Speaker's models were trained behind."""


class Mel:
    """Turns samples into the power of mel bands."""

    def __init__(self, preset: MelPreset, bands: Float | None = None) -> None:
        """`bands`: the filters a model brings along, float32[n_mels, n_fft / 2 + 1], in place of the preset's."""
        self.preset = preset
        self._filters = filters(preset) if bands is None else bands
        self._window = _window(preset)

    def __call__(self, pcm: Float) -> Float:
        """The spectrogram of `pcm`, each column around its sample, or over a whole window where the edges are cut.

        Args:
            pcm: float32[n] in -1..1 at the preset's sample rate, n > n_fft / 2; n >= window where the edges are cut.
        Returns:
            float32[n_mels, 1 + n // hop], or [n_mels, 1 + (n - window) // hop] where the edges are cut.
        """
        frames = self._cut(pcm) if self.preset.edges == "cut" else self._around(pcm)
        power = np.abs(np.fft.rfft(frames * self._window, self.preset.n_fft, axis=1)).astype(np.float32) ** 2
        bands: Float = self._filters @ power.T
        return bands

    def _around(self, pcm: Float) -> Float:
        p = self.preset
        if p.pre_emphasis:
            before = np.concatenate([pcm[1:2], pcm[:-1]])  # the first sample mirrors the second
            pcm = (pcm - p.pre_emphasis * before).astype(np.float32)
        padded = np.pad(pcm, p.n_fft // 2, mode="reflect" if p.edges == "mirrored" else "constant")
        return np.lib.stride_tricks.sliding_window_view(padded, p.n_fft)[:: p.hop]

    def _cut(self, pcm: Float) -> Float:
        p = self.preset
        frames = np.lib.stride_tricks.sliding_window_view(pcm, p.window)[:: p.hop]
        frames = frames - frames.mean(axis=1, keepdims=True)
        before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)  # the first sample stands before itself
        emphasised: Float = (frames - p.pre_emphasis * before).astype(np.float32)
        return emphasised


class LogMel:
    """Turns samples into the log-mel spectrogram of Whisper, scaled as `(log10(power) + 4) / 4`."""

    FLOOR = 1e-10
    """Power below this counts as this, so that silence has a logarithm."""
    RANGE_LOG10 = 8.0
    """What lies more than this many decades under the loudest cell is raised to there."""

    def __init__(self, preset: MelPreset) -> None:
        self._mel = Mel(preset)

    def __call__(self, pcm: Float) -> Float:
        """The spectrogram of `pcm`, without the last column.

        Args:
            pcm: float32[n] in -1..1 at the preset's sample rate, n > n_fft / 2.
        Returns:
            float32[n_mels, n // hop].
        """
        columns = len(pcm) // self._mel.preset.hop
        log = np.log10(np.maximum(self._mel(pcm)[:, :columns], self.FLOOR))
        log = np.maximum(log, log.max() - self.RANGE_LOG10)
        scaled: Float = ((log + 4.0) / 4.0).astype(np.float32)
        return scaled


def filters(preset: MelPreset) -> Float:
    """Triangular filters, evenly spaced on the preset's mel scale: float32[n_mels, n_fft / 2 + 1]."""
    bins, edges = _PLACES[preset.scale](preset)
    width = np.diff(edges)
    ramps = edges[:, None] - bins[None]
    falling = 1 + ramps[1:-1] / width[:-1, None] if preset.even_slopes else ramps[2:] / width[1:, None]
    triangles = np.maximum(0, np.minimum(-ramps[:-2] / width[:-1, None], falling))
    if preset.equal_area:
        triangles *= 2 / (edges[2:] - edges[:-2])[:, None]
    return triangles.astype(np.float32)


def _window(preset: MelPreset) -> Float:
    steps = preset.window - 1 if preset.edges == "cut" else preset.window
    turn = np.cos(2 * np.pi * np.arange(preset.window) / steps)
    raised = 0.54 if preset.shape == "hamming" else 0.5
    shape = raised - (1 - raised) * turn
    if preset.shape == "povey":
        shape = shape**0.85
    left = 0 if preset.edges == "cut" else (preset.n_fft - preset.window) // 2
    right = 0 if preset.edges == "cut" else preset.n_fft - preset.window - left
    window: Float = np.pad(shape, (left, right)).astype(np.float32)
    return window


_Places = NDArray[np.floating[Any]]

_LINEAR_MEL = 200.0 / 3.0
_KNEE_HZ, _KNEE_MEL = 1_000.0, 15.0
_LOG_STEP = np.log(6.4) / 27.0


def _slaney_places(preset: MelPreset) -> tuple[_Places, _Places]:
    """Hz of the bins and of the filters' edges on Slaney's scale.

    It is linear below 1 kHz (200/3 Hz a mel) and logarithmic above (6.4^(1/27) a mel), after M. Slaney, Auditory
    Toolbox, 1998: the default of librosa.filters.mel.
    """
    limits = np.array([preset.low_hz, preset.high_hz])
    above = _KNEE_MEL + np.log(np.maximum(limits, _KNEE_HZ) / _KNEE_HZ) / _LOG_STEP
    low, high = np.where(limits < _KNEE_HZ, limits / _LINEAR_MEL, above)
    mels = np.linspace(low, high, preset.n_mels + 2)
    above = _KNEE_HZ * np.exp(_LOG_STEP * (np.maximum(mels, _KNEE_MEL) - _KNEE_MEL))
    edges = np.where(mels < _KNEE_MEL, mels * _LINEAR_MEL, above)
    return np.fft.rfftfreq(preset.n_fft, 1.0 / preset.sample_rate), edges


def _htk_places(preset: MelPreset) -> tuple[_Places, _Places]:
    """Hz of the bins and of the filters' edges on the scale of the HTK Book, in float32.

    `melscale_fbanks` of torchaudio works in float32, and an edge misplaced by its rounding moves a narrow band by more
    than anything else here; so it is rounded alike.
    """
    low, high = (2595.0 * log10(1.0 + hz / 700.0) for hz in (preset.low_hz, preset.high_hz))
    mels = _even_float32(low, high, preset.n_mels + 2)
    powers = (10.0 ** (mels / np.float32(2595)).astype(np.float64)).astype(np.float32)
    edges = np.float32(700) * (powers - np.float32(1))
    return _even_float32(0.0, preset.sample_rate // 2, preset.n_fft // 2 + 1), edges


def _kaldi_places(preset: MelPreset) -> tuple[_Places, _Places]:
    """Mels of the bins and of the filters' edges, natural: `get_mel_banks` of torchaudio."""

    def mels(hz: _Places) -> _Places:
        found: _Places = 1127.0 * np.log(1.0 + hz / 700.0)
        return found

    low, high = mels(np.array([preset.low_hz, preset.high_hz]))
    return mels(np.fft.rfftfreq(preset.n_fft, 1.0 / preset.sample_rate)), np.linspace(low, high, preset.n_mels + 2)


_PLACES = {"slaney": _slaney_places, "htk": _htk_places, "kaldi": _kaldi_places}


def _even_float32(first: float, last: float, count: int) -> Float:
    """`count` evenly spaced numbers, each rounded once, counted from the nearer end."""
    low, high = np.float32(first), np.float32(last)
    steps = np.arange(count) * np.float64((high - low) / np.float32(count - 1))
    return np.where(np.arange(count) < count // 2, low + steps, high - steps[::-1]).astype(np.float32)
