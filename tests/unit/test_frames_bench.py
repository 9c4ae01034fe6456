"""bench-frames: the arithmetic of its report, and that its harness counts what really passes."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
import uvloop

from controller.frames import SAMPLE_RATE, Pcm
from loadtest.frames import report
from loadtest.frames.calls import WATCHED
from loadtest.frames.speech import track
from loadtest.frames.windows import Window, bare_timer, exchange, window


def of(late_s: list[float], *, cpu_s: float = 1.0, dropped: int = 0, lost: int = 0, input_s: float = 0.001) -> Window:
    return Window(
        channels=100,
        seconds=2.0,
        cpu_s=cpu_s,
        frames=1000,
        dropped=dropped,
        lost=lost,
        gaps=0,
        played=3,
        late_s=late_s,
        frame_s=[0.0001],
        period_s=[0.005],
        waits_s={"input": [input_s], "asr": [0.0005]},
        watched_calls=10,
    )


def failing(row: dict[str, Any], bare: float = 1.0) -> list[str]:
    bounds = report.of_channels(row, {"late_ms": {"p99": bare}})
    return [one.what.partition(": ")[2] for one in bounds if not one.holds]


def test_one_disturbed_window_of_five_changes_no_median() -> None:
    calm, disturbed = [0.001] * 100, [0.5] * 100
    row = report.row([of(calm), of(disturbed, cpu_s=1.9), of(calm), of(disturbed, cpu_s=1.9), of(calm)])
    assert row["late_ms"] == {"p50": 1.0, "p95": 1.0, "p99": 1.0, "max": 1.0, "n": 500}
    assert (row["cpu_percent_of_core"], row["cpu_us_per_frame"], row["windows"]) == (50.0, 1000.0, 5)


def test_work_and_waits_cover_all_windows() -> None:
    row = report.row([of([0.0], input_s=0.001), of([0.0], input_s=0.003)])
    assert row["queues_ms"]["input"] == {"p50": 2.0, "p95": 2.9, "p99": 2.98, "max": 3.0, "n": 2}
    assert row["frame_us"]["max"] == 100.0 and row["period_ms"]["max"] == 5.0
    assert row["queue_ms"]["n"] == 4
    assert (row["channels"], row["queues_of_calls"]) == (100, 10)


def test_the_bounds_hold_where_they_should_and_fail_where_they_should() -> None:
    assert failing(report.row([of([0.001])])) == []
    assert failing(report.row([of([0.001], cpu_s=1.3)])) == ["CPU"]
    assert failing(report.row([of([0.001], dropped=1)])) == ["frames dropped or lost"]
    assert failing(report.row([of([0.001], lost=1)])) == ["frames dropped or lost"]
    assert failing(report.row([of([0.001], input_s=0.012)])) == ["in `input` of 10 calls, p95"]
    late = report.row([of([0.008])])
    assert failing(late) == ["lateness, p99"]
    assert failing(late, bare=6.5) == []  # the machine itself is as late


def test_a_fifth_of_lean_is_the_bound_of_passing_through() -> None:
    def holds(ours: float) -> bool:
        runs = [{"engine": "ours", "legs": 50, "cpu_us_per_frame": ours}]
        runs += [{"engine": "pipecat-lean", "legs": 50, "cpu_us_per_frame": cost} for cost in (900.0, 200.0, 210.0)]
        (bound,) = report.of_passthrough(report.passthrough_rows(runs))
        return bound.holds

    assert holds(42.0) and not holds(42.1)  # of the median, 210


def test_a_scrape_may_cost_a_fifth_of_the_lateness_or_a_millisecond() -> None:
    def holds(without: float, late: float) -> bool:
        rows = [report.row([of([value])]) for value in (without, late)]
        (bound,) = report.of_scrape(*rows)
        return bound.holds

    assert holds(0.001, 0.002) and not holds(0.001, 0.0022)
    assert holds(0.010, 0.012) and not holds(0.010, 0.0122)


def test_a_table_names_every_bound() -> None:
    row = report.row([of([0.008])])
    bounds = report.of_channels(row, {"late_ms": {"p99": 1.0}})
    said = report.table([row], bounds)
    assert said.count("PASS") == len(bounds) - 1 and said.count("FAIL  100 channels: lateness") == 1
    assert "in `input` of 10 calls, p95" in said, "the wait is not all calls'"


def test_no_samples_are_null() -> None:
    assert report.quantiles([])["p99"] is None


def voice(seconds: float) -> Pcm:
    """Something that the detector takes for speech often enough; here only the counts matter."""
    return (np.random.default_rng(1).standard_normal(round(seconds * SAMPLE_RATE)) * 3000).astype(np.int16)


def test_tracks_are_whole_frames_and_the_same_every_time() -> None:
    one = track([voice(0.5), voice(0.7)])
    assert len(one) % 320 == 0 and np.array_equal(one, track([voice(0.5), voice(0.7)]))
    assert 0.2 < np.mean(one != 0) < 0.8


@pytest.mark.parametrize("channels", [4])
def test_every_frame_that_is_sent_is_counted_once(channels: int) -> None:
    async def test() -> None:
        clips = {"en": [voice(0.8)], "es": [voice(0.8)]}
        with exchange(clips) as peer:
            measured = await window(peer, clips, channels, 2.0, warm_s=0.5)
            counts = await peer.ask("counts")
        assert measured.lost == 0
        assert counts["odd"] == 0 and counts["received"] > 0
        # What is consumed in the window is what waited in `input` in it, and about what is due in it.
        assert 0.5 < measured.frames / (channels * 50 * measured.seconds) < 1.5
        watched = 2 * len(range(0, channels // 2, WATCHED))
        assert abs(len(measured.waits_s["input"]) - measured.frames * watched / channels) <= 2 * watched
        assert measured.watched_calls == watched // 2
        assert len(measured.frame_s) == len(measured.late_s) > 0
        assert sum(measured.period_s) == pytest.approx(sum(measured.frame_s) * 2, rel=0.7)
        assert measured.cpu_s > 0

    uvloop.run(asyncio.wait_for(test(), 60))


def test_a_bare_timer_is_as_many_ticks_as_there_are() -> None:
    measured = uvloop.run(bare_timer(0.2))
    assert len(measured.late_s) == 39 and min(measured.late_s) > -0.005
