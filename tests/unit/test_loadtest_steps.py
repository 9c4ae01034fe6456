"""Load tests: steps by time and verdicts, what a step must hold, and what is named as full."""

from __future__ import annotations

from typing import Any

import pytest

from loadtest.capacity import bottleneck
from loadtest.capacity.limits import Limits, broken
from loadtest.capacity.stepping import Moment, Plan, Stepper

PLAN = Plan(first=5, by=5, most=50, settle_s=8.0, hold_s=20.0)


def run(stepper: Stepper, breaks_from: int) -> list[tuple[int, float]]:
    """Steps until the end, with a look a second: users of each that was judged, and the seconds that it counted."""
    judged, begun, now = [], 0.0, 100.0
    while not stepper.done:
        assert now < 10_000, "it never ends"
        now += 1
        match stepper.tick(now):
            case Moment.BEGIN:
                begun = now
            case Moment.END:
                judged.append((stepper.users, now - begun))
                stepper.judged(stepper.users < breaks_from)
    return judged


def test_users_are_added_until_a_step_breaks_twice() -> None:
    stepper = Stepper(PLAN)
    assert run(stepper, breaks_from=15) == [(5, 20.0), (10, 20.0), (15, 20.0), (15, 20.0)]
    assert (stepper.carried, stepper.broke_at) == (10, 15)
    assert stepper.tick(1e6) is Moment.NOTHING


def test_what_does_not_break_ends_at_the_most_there_may_be() -> None:
    stepper = Stepper(Plan(5, 10, 22, 1.0, 2.0))
    assert [users for users, _ in run(stepper, breaks_from=1000)] == [5, 15, 22]
    assert (stepper.carried, stepper.broke_at) == (22, None)


def test_a_step_that_breaks_once_is_held_again_and_forgiven() -> None:
    stepper, verdicts, users = Stepper(Plan(1, 1, 3, 1.0, 2.0)), iter([True, False, True, False, False]), []
    now = 0.0
    while not stepper.done:
        now += 1
        if stepper.tick(now) is Moment.END:
            users.append(stepper.users)
            stepper.judged(next(verdicts))
    assert users == [1, 2, 2, 3, 3]
    assert (stepper.carried, stepper.broke_at) == (2, 3)


def test_nothing_counts_before_it_has_settled() -> None:
    stepper = Stepper(PLAN)
    assert [stepper.tick(at) for at in (0.0, 7.9, 8.0, 9.0, 27.9, 28.0)] == [
        *(Moment.NOTHING, Moment.NOTHING, Moment.BEGIN),
        *(Moment.NOTHING, Moment.NOTHING, Moment.END),
    ]


def test_no_first_step_above_the_most() -> None:
    assert Stepper(Plan(5, 5, 3, 1.0, 1.0)).users == 3


LIMITS = Limits({"lag": 1500.0}, 0.01)


def step(**changed: Any) -> dict[str, Any]:
    """One of calls that holds, on two cores that are half busy, but for what is changed."""
    whole: dict[str, Any] = {
        "users": 30,
        "up": 30,
        "asked": 100,
        "failed": 0,
        "error": "",
        "rows": {"lag": {"p50": 700.0, "p95": 900.0, "p99": 950.0, "max": 960.0, "n": 100}},
        "frames": {"dropped_in": 0.001, "dropped_out": 0.0, "tick_late_ms": 3.0},
        "processes": {
            "controller": cost(0.5),
            "asterisk": cost(0.4, thread=0.1),
            "sipp callers": cost(0.05),
            "locust": cost(0.02),
        },
        "machine": {"busy": 0.55, "cores": 2, "free_mb": 4000},
        "models": {},
        "generator_late_ms": 2.0,
    }
    return {**whole, **changed}


def cost(cores: float, thread: float | None = None) -> dict[str, float]:
    return {"cores": cores, "busiest_thread": cores if thread is None else thread, "rss_mb": 100.0}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"frames": {"dropped_in": 0.0, "dropped_out": 0.01}}, "1.0% of the frames out were lost (limit 1%)"),
        ({"frames": {"dropped_in": 0.02, "dropped_out": 0.0}}, "2.0% of the frames in were lost (limit 1%)"),
        ({"up": 29}, "29 of 30 calls were up"),
        ({"failed": 2, "error": "busy"}, "2 of 100 failed (busy)"),
        ({"rows": {"lag": {"p95": 1501.0}}}, "lag, p95: 1501 ms (limit 1500)"),
        ({"rows": {}}, "nobody got as far as lag"),
    ],
)
def test_a_step_breaks(changed: dict[str, Any], why: str) -> None:
    assert broken(step(**changed), LIMITS) == [why]


def test_a_step_that_holds() -> None:
    just = step(frames={"dropped_in": 0.0099, "dropped_out": 0.0}, failed=1, rows={"lag": {"p95": 1500.0}})
    assert broken(just, LIMITS) == []


def test_models_have_no_frames() -> None:
    asked = step(frames=None, up=None, rows={"gap": {"p95": 250.0}})
    assert broken(asked, Limits({"gap": 200.0})) == ["gap, p95: 250 ms (limit 200)"]


QUEUE = {"whisper": {"requests": 40, "queue_ms": 900.0, "compute_ms": 300.0, "batch": 3.0}}


FULL = {"busy": 0.97, "cores": 2, "free_mb": 4000}
WORK = {"controller": cost(0.89), "asterisk": cost(0.85, thread=0.2), "sipp callers": cost(0.1)}


@pytest.mark.parametrize(
    ("changed", "name", "evidence"),
    [
        (
            {"machine": FULL, "processes": WORK},
            "the machine's CPU, most of it in controller",
            "97% busy (2 cores; of a core: controller 0.89, asterisk 0.85, sipp callers 0.10); 0.10 of a core made",
        ),
        ({"machine": FULL}, "something else on this machine", "It took 0.97 of a core beside all that was watched"),
        ({"processes": {"controller": cost(0.95)}}, "one thread of controller", "95% of a core"),
        (
            {"processes": {"asterisk": cost(1.2, thread=0.3), "controller": cost(0.92)}},
            "one thread of controller",
            "92% of a core",
        ),
        (
            {"processes": {"sipp callers": cost(0.95), "controller": cost(0.97)}},
            "the load generator (sipp callers)",
            "may carry more",
        ),
        ({"generator_late_ms": 80.0}, "the load generator (locust)", "80 ms late"),
        ({"models": QUEUE}, "the queue of the model whisper", "waited 900 ms there and was worked on for 300 ms"),
        ({"machine": {"busy": 0.55, "cores": 2, "free_mb": 90}}, "memory", "90 MB"),
        ({}, "not seen", "Nothing that was watched was full"),
    ],
)
def test_the_bottleneck_is_named_from_what_was_seen(changed: dict[str, Any], name: str, evidence: str) -> None:
    found = bottleneck.name(step(**changed))
    assert found.name == name
    assert evidence in found.evidence


def test_a_full_machine_explains_queues_and_late_timers() -> None:
    found = bottleneck.name(step(machine=FULL, processes=WORK, models=QUEUE, generator_late_ms=90.0))
    assert found.name.startswith("the machine's CPU")
