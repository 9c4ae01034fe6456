"""The mix: gain along a ramp, no wrapping over, no clipping, nothing lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.audio.levels import FLOOR_DBFS, dbfs, gain
from controller.audio.mix import Ducker
from controller.frames import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Pcm

DUCKED = 1000 * 10 ** (-12 / 20)


def constant(level: int) -> Pcm:
    return np.full(FRAME_SAMPLES, level, np.int16)


def test_an_original_alone_passes_untouched() -> None:
    frame = constant(1234)
    assert Ducker().mix([frame], None, ducked=False) is frame


def test_the_gain_moves_along_the_ramp_without_a_step() -> None:
    ducker = Ducker(duck_db=-12, ramp_ms=80)
    down = np.concatenate([ducker.mix([constant(1000)], None, ducked=True) for _ in range(6)])
    up = np.concatenate([ducker.mix([constant(1000)], None, ducked=False) for _ in range(6)])
    assert down[0] == 1000
    assert down[-1] == pytest.approx(DUCKED, abs=1)
    assert up[-1] == 1000
    step = (1000 - DUCKED) / (0.08 * 16000)
    for part in (down, up):
        assert np.max(np.abs(np.diff(part.astype(int)))) <= step + 1.5


def test_a_translation_alone_and_silence() -> None:
    ducker = Ducker()
    translation = constant(500)
    assert ducker.mix([], translation, ducked=True) is translation
    assert ducker.mix([], None, ducked=False) is SILENCE


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=3), st.integers(-32768, 32767))
def test_sums_are_exact_while_they_fit_and_never_wrap(originals: list[int], translation: int) -> None:
    ducker = Ducker(duck_db=0)
    mixed = ducker.mix([constant(one) for one in originals], constant(translation), ducked=True)
    assert mixed.dtype == np.int16
    expected = min(32767, max(-32767, sum(originals) + translation))
    assert mixed[-1] == pytest.approx(expected, abs=1)
    assert mixed[0] == expected


def tones(*frequencies: float, frames: int = 50, amplitude: float = 20000.0) -> list[list[Pcm]]:
    """Each frequency as that many frames."""
    times = np.arange(frames * FRAME_SAMPLES) / SAMPLE_RATE
    voices = [np.rint(amplitude * np.sin(2 * np.pi * one * times)).astype(np.int16) for one in frequencies]
    return [list(voice.reshape(frames, FRAME_SAMPLES)) for voice in voices]


def test_several_loud_voices_at_once_are_lowered_and_not_clipped() -> None:
    ducker = Ducker()
    voices = tones(300, 470, 710)
    mixed = np.concatenate([ducker.mix(originals, None, ducked=False) for originals in zip(*voices, strict=True)])
    assert np.max(np.abs(mixed.astype(int))) > 30000
    settled = mixed[FRAME_SAMPLES * 25 :].astype(np.float64)
    whole = np.stack([np.concatenate(voice) for voice in voices]).astype(np.float64).sum(axis=0)[FRAME_SAMPLES * 25 :]
    level = np.dot(settled, whole) / np.dot(whole, whole)
    assert level == pytest.approx(32767 / 60000, abs=0.06)
    assert np.sqrt(np.mean((settled - level * whole) ** 2)) < 0.03 * np.sqrt(np.mean(settled**2)), "no distortion"


def test_after_loud_voices_the_level_comes_back_without_a_step() -> None:
    ducker = Ducker()
    for originals in zip(*tones(300, 470, 710, frames=10), strict=True):
        ducker.mix(originals, None, ducked=False)
    alone = np.concatenate([ducker.mix([constant(10000)], None, ducked=False) for _ in range(60)]).astype(int)
    assert 5000 < alone[0] < 7000
    assert alone[-1] == 10000
    assert np.max(np.abs(np.diff(alone))) <= 2


def test_what_is_beside_a_translation_is_not_lowered() -> None:
    ducker = Ducker(duck_db=-12)
    for _ in range(6):
        mixed = ducker.mix([constant(1000)], constant(300), ducked=True, beside=[constant(2000)])
    assert mixed[0] == round(DUCKED + 300 + 2000)


def test_levels() -> None:
    assert dbfs(SILENCE) == FLOOR_DBFS
    assert dbfs(constant(32767)) == pytest.approx(0, abs=0.01)
    assert dbfs(constant(3277)) == pytest.approx(-20, abs=0.01)
    assert gain(-6.0206) == pytest.approx(0.5, abs=1e-4)
