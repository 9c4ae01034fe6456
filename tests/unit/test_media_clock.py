"""Arrival gives a frame its place; what never came is filled, what comes too late has none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.media_clock import MAX_EARLY_FRAMES, MAX_LATE_FRAMES, MediaClock

FRAME = 0.02


def place(clock: MediaClock, now_s: float) -> int | None:
    """The index of a frame that is at hand; None where it has lost its place."""
    return clock.take() if clock.room(now_s) else None


def test_a_steady_stream_is_numbered_in_order() -> None:
    clock = MediaClock()
    placed = []
    for tick in range(100):
        placed.append(place(clock, tick * FRAME))
        assert not clock.fill(tick * FRAME)
    assert placed == list(range(100))


def test_a_gap_is_filled_after_60_ms() -> None:
    clock = MediaClock()
    filled = [index for tick in range(50) for index in clock.fill(tick * FRAME)]
    assert filled == list(range(49 - MAX_LATE_FRAMES))


def test_frames_whose_place_was_filled_are_refused() -> None:
    clock = MediaClock()
    clock.fill(1.0)
    places = [place(clock, 1.0) for _ in range(10)]
    assert places == [47, 48, 49, 50, 51, None, None, None, None, None]


def test_room_is_what_can_still_be_placed() -> None:
    clock = MediaClock()
    clock.fill(1.0)
    room = clock.room(1.0)
    assert room == 5
    assert [place(clock, 1.0) is None for _ in range(room + 1)] == [False] * room + [True]


def test_a_leg_that_joins_later_starts_at_its_time() -> None:
    assert place(MediaClock(started_s=2.0), 2.0) == 100


@given(st.lists(st.tuples(st.floats(0, 0.2), st.integers(0, 8)), max_size=60))
def test_indexes_grow_by_one_and_stay_near_the_clock(steps: list[tuple[float, int]]) -> None:
    clock, now, seen = MediaClock(), 0.0, []
    for wait, arrivals in steps:
        now += wait
        for _ in range(arrivals):
            index = place(clock, now)
            if index is not None:
                seen.append(index)
                assert index <= now / FRAME + MAX_EARLY_FRAMES
        seen.extend(clock.fill(now))
        assert clock.next_index >= int(now / FRAME) - MAX_LATE_FRAMES
    assert seen == list(range(len(seen)))
