"""bench-encoders: medians over interleaved rounds, and bounds that can fail."""

from __future__ import annotations

from typing import Any

import pytest

from loadtest.encoders import __main__ as bench
from loadtest.encoders import task

ENGINES = (("ecapa_tdnn", "ours-fp32"), ("ecapa_tdnn", "ours-8bit"), ("campplus", "ours-fp32"), bench.PEER)


def rows(ours: float, theirs: float) -> list[dict[str, Any]]:
    return [
        bench._row(what, batch, [{"cpu_ms": theirs if what == bench.PEER else ours, "wall_ms": 1.0}])
        for what in ENGINES
        for batch in task.BATCHES
    ]


def parity(alone: float = 1e-6, company: float = 1e-6) -> dict[str, Any]:
    return {"max_abs_vs_speechbrain_alone": alone, "max_abs_batched_vs_alone": company}


def test_a_row_is_the_median_of_its_rounds() -> None:
    row = bench._row(bench.PEER, 8, [{"cpu_ms": cpu, "wall_ms": 2 * cpu} for cpu in (10.0, 90.0, 12.0)])
    assert (row["cpu_ms_per_clip"], row["wall_ms_per_clip"]) == (12.0, 24.0)
    assert (row["model"], row["engine"], row["batch"]) == ("ecapa_tdnn", "speechbrain", 8)
    assert row["each"]["cpu_ms_per_clip"] == [10.0, 90.0, 12.0]


@pytest.mark.parametrize(
    ("ours", "found", "rounds", "held"),
    [
        (84.0, parity(), 5, [True, True, True, True, True]),
        (86.0, parity(), 5, [False, False, True, True, True]),
        (84.0, parity(alone=2e-4), 5, [True, True, False, True, True]),
        (84.0, parity(company=2e-4), 5, [True, True, True, False, True]),
        (84.0, parity(alone=float("nan")), 5, [True, True, False, True, True]),
        (84.0, parity(), 4, [True, True, True, True, False]),
    ],
)
def test_each_bound_can_fail(ours: float, found: dict[str, Any], rounds: int, held: list[bool]) -> None:
    bounds = bench._bounds(rows(ours, 100.0), found, rounds)
    assert [one.holds for one in bounds] == held
    table = bench._table(rows(ours, 100.0), bounds, enough=rounds >= bench.LEAST_ROUNDS)
    assert ("MISS" in table) == (not all(held))
    assert ("ok  " in table) == (rounds >= 5)


def test_no_engine_always_comes_first() -> None:
    order: list[tuple[str, int]] = []

    class Silent:
        def __init__(self, name: str) -> None:
            self.name = name

        def do(self, what: str, batch: int) -> dict[str, float]:
            order.append((self.name, batch))
            return {}

    engines: Any = {what: Silent(" ".join(what)) for what in ENGINES}
    count = len(ENGINES) * len(task.BATCHES)
    for number in range(1, count + 1):
        bench._round(engines, number, count)
    assert len(set(order[::count])) == count
    assert all(set(order[start : start + count]) == set(order) for start in range(0, len(order), count))


def test_clips_are_the_same_bits_and_not_silent() -> None:
    one, other = task.clip(0.5, 3), task.clip(0.5, 3)
    assert (one == other).all()
    assert len({clip.tobytes() for clip in task.timed()}) == max(task.BATCHES)
    assert all(
        len(clip) == round(seconds * task.RATE) for clip, seconds in zip(task.compared(), task.LENGTHS_S, strict=True)
    )
    assert abs(one).max() > 3_000
