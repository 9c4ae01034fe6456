"""The mix: gain along a ramp, no clipping over, nothing lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.audio.levels import FLOOR_DBFS, dbfs, gain
from controller.audio.mix import Ducker
from controller.frames import FRAME_SAMPLES, SILENCE, Pcm

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
def test_sums_saturate_and_never_wrap(originals: list[int], translation: int) -> None:
    ducker = Ducker(duck_db=0)
    mixed = ducker.mix([constant(one) for one in originals], constant(translation), ducked=True)
    assert mixed.dtype == np.int16
    expected = min(32767, max(-32768, sum(originals) + translation))
    assert set(mixed.tolist()) == {expected}


def test_levels() -> None:
    assert dbfs(SILENCE) == FLOOR_DBFS
    assert dbfs(constant(32767)) == pytest.approx(0, abs=0.01)
    assert dbfs(constant(3277)) == pytest.approx(-20, abs=0.01)
    assert gain(-6.0206) == pytest.approx(0.5, abs=1e-4)
