"""Resampling against the formula, sample by sample, and against what it is for: tones keep their pitch."""

from __future__ import annotations

from math import ceil, cos, pi, sin

import numpy as np
import pytest

from export.runtime.resampling import resampled


def plain(pcm: list[float], rate: int, wanted: int) -> list[float]:
    """Each output sample as a windowed sinc over the input, at its own moment, in float64."""
    cut = min(rate, wanted) * 0.99
    out = []
    for index in range(ceil(len(pcm) * wanted / rate)):
        total = 0.0
        for place, sample in enumerate(pcm):
            crossings = (place / rate - index / wanted) * cut
            if abs(crossings) < 6:
                sinc = sin(pi * crossings) / (pi * crossings) if crossings else 1.0
                total += sample * sinc * cos(pi * crossings / 12) ** 2
        out.append(total * cut / rate)
    return out


@pytest.mark.parametrize(
    ("rate", "wanted"), [(22_050, 16_000), (16_000, 22_050), (48_000, 22_050), (44_100, 22_050), (8_000, 16_000)]
)
@pytest.mark.parametrize("length", [1, 700, 701])
def test_equals_the_formula(rate: int, wanted: int, length: int) -> None:
    pcm = np.random.default_rng(length).uniform(-1, 1, length).astype(np.float32)
    found = resampled(pcm, rate, wanted)
    expected = plain(pcm.tolist(), rate, wanted)
    assert found.dtype == np.float32
    assert len(found) == len(expected)
    assert np.abs(found - expected).max() < 1e-4  # float32 within, as torchaudio has it


def test_a_tone_keeps_its_pitch_and_what_does_not_fit_is_gone() -> None:
    clock = np.arange(48_000) / 48_000
    low, high = (np.sin(2 * np.pi * hz * clock).astype(np.float32) for hz in (440.0, 16_000.0))
    inside = slice(1_000, -1_000)
    expected = np.sin(2 * np.pi * 440.0 * np.arange(22_050) / 22_050)
    assert np.abs(resampled(low, 48_000, 22_050) - expected)[inside].max() < 5e-3
    assert np.abs(resampled(high, 48_000, 22_050))[inside].max() < 2e-2


def test_the_same_rate_changes_nothing() -> None:
    pcm = np.ones(5, np.float32)
    assert resampled(pcm, 22_050, 22_050) is pcm


def test_rates_with_nothing_in_common_are_refused() -> None:
    with pytest.raises(ValueError, match="22051 Hz is too odd"):
        resampled(np.ones(5, np.float32), 22_051, 16_000)
