"""Windows give the sound of the whole, however latents come, and frames are those of the reference's interpolation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from export.runtime.xtts.config import TINY
from export.runtime.xtts.windows import COARSE, COARSE_SHARE, CONTEXT, FINE, Float, Upsampling, Windows

SPEEDS = st.sampled_from([1.0, 0.7, 0.95, 0.999, 1.3, 2.0]) | st.floats(0.3, 3.0)


def latents(count: int) -> Float:
    return np.random.default_rng(count).normal(size=(count, TINY.decoder_input)).astype(np.float32)


def stretched(rows: list[list[float]], scale: float) -> list[list[float]]:
    """torch's documented linear interpolation, align_corners=False, in float64."""
    size = math.floor(len(rows) * scale)
    if size == len(rows):
        return rows
    out = []
    for index in range(size):
        place = max(0.0, (index + 0.5) / scale - 0.5)
        left = min(int(place), len(rows) - 1)
        right, share = min(left + 1, len(rows) - 1), place - left
        out.append([(1 - share) * a + share * b for a, b in zip(rows[left], rows[right], strict=True)])
    return out


@pytest.mark.parametrize(("count", "speed"), [(1, 1.0), (2, 1.0), (3, 1.0), (60, 1.0), (17, 0.7), (40, 1.5), (5, 0.01)])
def test_frames_are_those_of_linear_interpolation(count: int, speed: float) -> None:
    given_ = latents(count)
    rows = given_.astype(np.float64).tolist()
    if speed != 1.0:
        rows = stretched(rows, 1 / max(speed, 0.05))
    expected = np.array(stretched(stretched(rows, 4.0), 24_000 / 22_050))
    upsampling = Upsampling(TINY, speed)
    assert upsampling.frames(count) == len(expected)
    assert np.abs(upsampling.between(given_, 0, len(expected)) - expected).max() < 1e-4


@settings(max_examples=60)
@given(count=st.integers(2, 120), speed=SPEEDS, more=st.integers(1, 50))
def test_settled_frames_stay_as_they_are(count: int, speed: float, more: int) -> None:
    upsampling, all_of_them = Upsampling(TINY, speed), latents(count + more)
    settled = upsampling.settled(count)
    assert settled <= upsampling.settled(count + more) <= upsampling.frames(count + more)
    if settled > CONTEXT:
        early = upsampling.between(all_of_them[:count], 0, settled)
        assert np.array_equal(early, upsampling.between(all_of_them, 0, settled))


EACH = 2
"""Columns that the coarse half of these tests makes of a frame."""


def mixed(values: Float, reach: int, channels: int) -> Float:
    """What hears `reach` places on either side of each, and silence beyond the ends: float32[channels, places]."""
    padded = np.pad(values, ((0, 0), (reach, reach))).astype(np.float64)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1)
    weights = np.random.default_rng(reach).normal(size=(channels, len(values), 2 * reach + 1))
    heard: Float = (np.einsum("cnk,dck->dn", around, weights) / weights[0].size ** 0.5).astype(np.float32)
    return heard


def coarse(frames: Float) -> Float:
    columns = mixed(frames, COARSE, 3 * EACH).reshape(3, EACH, frames.shape[1])
    return columns.transpose(0, 2, 1).reshape(3, -1)


def fine(columns: Float) -> Float:
    return np.repeat(mixed(columns, FINE * EACH, 1)[0], TINY.hop // EACH)


@settings(max_examples=60)
@given(
    chunks=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    speed=SPEEDS,
    most=st.sampled_from([None, 1, 2, 30]),
)
@example(chunks=[1], speed=2.0, most=None)  # no sound at all
@example(chunks=[40], speed=1.0, most=1)  # the coarse half has heard all while the fine one has not
def test_windows_give_the_sound_of_the_whole(chunks: list[int], speed: float, most: int | None) -> None:
    given_ = latents(sum(chunks))
    windows, sound, work = Windows(TINY, speed), [], 0.0
    ends = set(itertools.accumulate(chunks))
    for index, latent in enumerate(given_, 1):
        windows.add(latent)
        while index in ends and (window := windows.next(last=index == len(given_), most=most)):
            sound.append(window.sound(coarse, fine))
            assert len(sound[-1]) == window.kept
            work += window.work
    upsampling = Upsampling(TINY, speed)
    frames = upsampling.frames(len(given_))
    whole = fine(coarse(upsampling.between(given_, 0, frames).T)) if frames else np.zeros(0, np.float32)
    assert np.allclose(np.concatenate([np.zeros(0, np.float32), *sound]), whole, atol=1e-5)
    context = COARSE_SHARE * COARSE + (1 - COARSE_SHARE) * FINE
    assert work <= frames + 2 * context * len(sound)
    assert windows.next(last=True) is None
    assert np.array_equal(windows.latents, given_)


def test_the_first_sound_is_ready_as_early_as_it_is_exact() -> None:
    """Milliseconds of sound after so many tokens."""
    ready = []
    for count in (3, 4, 5, 6, 8, 12):
        windows = Windows(TINY)
        for latent in latents(count):
            windows.add(latent)
        window = windows.next(last=False)
        ready.append(round(window.kept / 24) if window else 0)
    assert ready == [0, 21, 64, 107, 203, 395]


@pytest.mark.parametrize("speed", [0.0, -1.0, math.inf, math.nan])
def test_a_speed_that_cannot_be_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        Windows(TINY, speed)
