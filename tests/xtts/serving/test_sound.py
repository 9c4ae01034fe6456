"""What is heard does not depend on how the sound was cut on its way; and the filter keeps speech and nothing else."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.runtime.xtts.serving.sound import Float, Resampler, Sound, pcm16


def noise(count: int, key: int = 1) -> Float:
    return (np.random.Generator(np.random.Philox(key)).standard_normal(count) * 0.2).astype(np.float32)


def tone(hertz: float, count: int = 24_000) -> Float:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(count) / 24_000)).astype(np.float32)


def whole(sound: Float, rate: int = 16_000) -> np.ndarray:
    stream = Resampler(24_000, rate)
    return np.concatenate([stream.add(sound), stream.end()])


@settings(max_examples=120)
@given(count=st.integers(0, 4_000), cuts=st.lists(st.integers(0, 4_000), max_size=8), rate=st.sampled_from([16, 8, 22]))
def test_cuts_change_no_bit(count: int, cuts: list[int], rate: int) -> None:
    sound = noise(count)
    stream = Resampler(24_000, rate * 1_000)
    parts = [stream.add(part) for part in np.split(sound, sorted(min(cut, count) for cut in cuts))]
    found = np.concatenate([*parts, stream.end()])
    assert len(found) == ceil(count * rate / 24)
    assert np.array_equal(found, whole(sound, rate * 1_000))


def test_what_has_come_is_heard_but_for_three_milliseconds() -> None:
    stream = Resampler(24_000, 16_000)
    assert 0 <= 2_400 * 2 / 3 - len(stream.add(noise(2_400))) <= 0.003 * 16_000


@pytest.mark.parametrize(("hertz", "least", "most"), [(0.0, -0.01, 0.01), (300, -0.01, 0.01), (6_900, -0.1, 0.1)])
def test_speech_stays_where_and_as_loud_as_it_was(hertz: float, least: float, most: float) -> None:
    sound = tone(hertz) if hertz else np.full(24_000, 0.5, np.float32)
    expected = 0.5 * np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000) if hertz else np.full(16_000, 0.5)
    found, expected = whole(sound)[200:-200], expected[200:-200]
    assert least <= 20 * np.log10(np.abs(found).max() / 0.5) <= most
    assert np.abs(found - expected).max() < 0.01


@pytest.mark.parametrize("hertz", [8_200, 9_500, 11_900])
def test_what_has_no_place_at_the_lower_rate_is_not_folded_into_speech(hertz: float) -> None:
    assert np.abs(whole(tone(hertz))[200:-200]).max() < 0.5 * 10 ** (-80 / 20)


def test_what_is_too_loud_is_clipped_and_what_is_no_sound_is_refused() -> None:
    assert pcm16(np.array([2.0, -2.0, 0.0, 0.5])).tolist() == [32_767, -32_767, 0, 16_384]
    for rate in (16_000, 24_000):
        with pytest.raises(FloatingPointError, match="not finite"):
            Sound(24_000, rate).add(np.array([0.0, np.nan], np.float32))


@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_a_pause_is_part_of_the_stream(rate: int) -> None:
    sound = Sound(24_000, rate)
    pcm = np.concatenate([sound.add(noise(1_000)), sound.pause(0.1), sound.add(noise(1_001, 2)), sound.end()])
    assert len(pcm) == ceil((1_000 + 2_400 + 1_001) * rate / 24_000)
    middle = rate // 24 + rate // 20
    assert not pcm[middle - 100 : middle + 100].any()
