"""The front ends of XTTS against the definition, written out: one column, one band, one bin at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from export.runtime.mel import XTTS_CONDITIONING, XTTS_SPEAKER, Float, Mel, MelPreset


def htk(hz: float) -> float:
    return 2595.0 * math.log10(1.0 + hz / 700.0)


def column(pcm: list[float], preset: MelPreset, place: int) -> list[float]:
    """The bands around sample `place * hop`, after torchaudio's documentation of MelSpectrogram."""
    p = preset
    if p.pre_emphasis:
        pcm = [now - p.pre_emphasis * before for now, before in zip(pcm, [pcm[1], *pcm[:-1]], strict=True)]
    sound = []
    for index in range(p.window):
        at = place * p.hop - p.window // 2 + index
        at = abs(at) if at < len(pcm) else 2 * (len(pcm) - 1) - at
        raised = {"hann": 0.5, "hamming": 0.54}[p.shape]
        sound.append(pcm[at] * (raised - (1 - raised) * math.cos(2 * math.pi * index / p.window)))
    left = (p.n_fft - p.window) // 2
    power = np.abs(np.fft.rfft(np.pad(sound, (left, p.n_fft - p.window - left)))) ** 2
    step = (htk(p.high_hz) - htk(p.low_hz)) / (p.n_mels + 1)
    edges = [700.0 * (10 ** ((htk(p.low_hz) + step * index) / 2595.0) - 1.0) for index in range(p.n_mels + 2)]
    bands = []
    for low, peak, high in zip(edges, edges[1:], edges[2:], strict=False):
        height = 2.0 / (high - low) if p.equal_area else 1.0
        total = 0.0
        for number, one in enumerate(power):
            hz = number * p.sample_rate / p.n_fft
            total += float(one) * height * max(0.0, min((hz - low) / (peak - low), (high - hz) / (high - peak)))
        bands.append(total)
    return bands


def sound(length: int) -> Float:
    random = np.random.default_rng(length)
    chirp = np.sin(np.cumsum(np.linspace(0.01, 1.5, length)))
    return (0.5 * chirp + random.normal(0, 0.05, length)).astype(np.float32)


@pytest.mark.parametrize("preset", [XTTS_CONDITIONING, XTTS_SPEAKER])
@pytest.mark.parametrize("length", [4_777, 5_120])
def test_every_column_is_as_defined(preset: MelPreset, length: int) -> None:
    pcm = sound(length)
    found = Mel(preset)(pcm)
    columns = 1 + length // preset.hop
    assert found.shape == (preset.n_mels, columns)
    assert found.dtype == np.float32
    for place in (0, 1, columns // 2, columns - 2, columns - 1):
        expected = column(pcm.tolist(), preset, place)
        assert np.abs(np.log(found[:, place] + 1e-6) - np.log(np.array(expected) + 1e-6)).max() < 1e-4
