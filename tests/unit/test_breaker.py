"""A breaker: what opens it, what does not, and that exactly one request tries an engine again, whoever asks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from controller.errors import EngineBarred, EngineError, EngineRejected, EngineTimeout, EngineUnavailable
from controller.recovery.breaker import Attempt, Breaker, Limits, State, Watch

DOWN = EngineUnavailable("down", engine="deepl")
WRONG = EngineRejected("not this text", engine="deepl")
BARRED = EngineBarred("the key is wrong", engine="deepl")
LIMITS = Limits(slow_s=0.5, failures=3, error_rate=0.5, least=10, window_s=30, open_s=5, most_open_s=60, barred_s=300)


class Seen(Watch):
    def __init__(self) -> None:
        self.states: list[State] = []
        self.whys: list[str] = []

    def changed(self, engine: str, kind: str, state: State, why: str) -> None:
        assert (engine, kind) == ("deepl", "mt")
        self.states.append(state)
        self.whys.append(why)


class Clocked:
    """A breaker on a clock that is moved by hand."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.now = 100.0
        self.seen = Seen()
        self.breaker = Breaker("deepl", "mt", limits, lambda: self.now, self.seen)

    def state(self) -> State:
        return self.breaker.state

    def attempt(self) -> Attempt:
        attempt = self.breaker.enter()
        assert attempt is not None
        return attempt

    def opened(self) -> Clocked:
        for _ in range(3):
            self.attempt().failed(DOWN)
        assert self.breaker.state is State.OPEN
        return self

    def refused_for(self) -> float:
        """Seconds until it lets one in; the clock is then there."""
        before = self.now
        while not self.breaker.allows:
            self.now += 0.5
        return self.now - before


def test_it_opens_after_so_many_failures_in_a_row_and_not_before() -> None:
    one = Clocked()
    for end in (DOWN, DOWN, None, DOWN, DOWN):
        attempt = one.attempt()
        attempt.failed(end) if end else attempt.succeeded(0.1)
    assert one.state() is State.CLOSED
    one.attempt().failed(EngineTimeout("late", engine="deepl"))
    assert one.state() is State.OPEN
    assert one.breaker.enter() is None
    assert "late" in one.seen.whys[-1]


def test_it_opens_at_an_error_rate_of_enough_answers_in_the_window() -> None:
    one = Clocked()
    for _ in range(4):
        one.attempt().failed(DOWN)
        one.attempt().succeeded(0.1)
    one.attempt().failed(DOWN)
    assert one.state() is State.CLOSED, "nine answers are too few"
    one.attempt().failed(DOWN)
    assert one.state() is State.OPEN

    other = Clocked()
    for _ in range(30):
        other.attempt().failed(DOWN)
        other.attempt().succeeded(0.1)
        other.now += 8
    assert other.state() is State.CLOSED, "never ten within half a minute"


@pytest.mark.parametrize("end", [lambda one: one.given_up(), lambda one: one.failed(WRONG)])
def test_cancelled_and_rejected_requests_are_no_failures(end: Callable[[Attempt], None]) -> None:
    one = Clocked()
    for _ in range(50):
        end(one.attempt())
    assert one.state() is State.CLOSED
    one.attempt().failed(DOWN)
    end(one.attempt())
    one.attempt().failed(DOWN)
    end(one.attempt())
    one.attempt().failed(DOWN)
    assert one.state() is State.OPEN, "nor do they make a failure undone"


def test_slow_answers_count_as_failures() -> None:
    one = Clocked()
    for took in (0.51, 0.6, 0.5, 0.7, 0.8):
        one.attempt().succeeded(took)
    assert one.state() is State.CLOSED, "0.5 s is in time"
    one.attempt().succeeded(0.9)
    assert one.state() is State.OPEN
    assert "it took 0.9 s" in one.seen.whys[-1]
    patient = Clocked(Limits())
    for _ in range(9):
        patient.attempt().succeeded(50.0)
    assert patient.state() is State.CLOSED


def test_ten_who_ask_at_half_open_are_one_request() -> None:
    one = Clocked().opened()
    one.now += 5
    attempts = [one.breaker.enter() for _ in range(10)]
    assert sum(attempt is not None for attempt in attempts) == 1
    assert one.state() is State.HALF_OPEN
    one.now += 1000
    assert one.breaker.enter() is None, "it is still under way"
    (probe,) = [attempt for attempt in attempts if attempt is not None]
    probe.succeeded(0.1)
    assert [one.breaker.enter() is not None for _ in range(10)] == [True] * 10
    assert one.seen.states == [State.CLOSED, State.OPEN, State.HALF_OPEN, State.CLOSED]


@pytest.mark.parametrize("fail", [lambda one: one.failed(DOWN), lambda one: one.succeeded(3.0)])
def test_a_trial_that_fails_or_is_slow_opens_it_for_twice_as_long(fail: Callable[[Attempt], None]) -> None:
    one = Clocked().opened()
    waits = []
    for _ in range(6):
        waits.append(one.refused_for())
        fail(one.attempt())
    assert waits == [5, 10, 20, 40, 60, 60]
    one.refused_for()
    one.attempt().succeeded(0.1)
    one.opened()
    assert one.refused_for() == 60, "a trial alone is no work done"
    one.attempt().succeeded(0.1)
    one.attempt().succeeded(0.1)
    one.opened()
    assert one.refused_for() == 5


@pytest.mark.parametrize("end", [lambda one: one.given_up(), lambda one: one.failed(WRONG)])
def test_a_trial_without_an_answer_leaves_it_to_the_next(end: Callable[[Attempt], None]) -> None:
    one = Clocked().opened()
    one.refused_for()
    end(one.attempt())
    assert one.state() is State.OPEN
    assert [one.breaker.enter() is not None for _ in range(3)] == [True, False, False]


def test_one_that_is_barred_is_left_alone_at_once_and_for_minutes() -> None:
    one = Clocked()
    one.attempt().failed(BARRED)
    assert one.state() is State.OPEN
    assert one.refused_for() == 300
    one.attempt().failed(BARRED)
    assert one.refused_for() == 300
    other = Clocked()
    other.breaker.broke(BARRED)
    assert other.refused_for() == 300


def test_what_began_before_it_opened_tells_nothing_after_it_has_closed() -> None:
    one = Clocked()
    old = [one.attempt() for _ in range(9)]
    one.opened()
    old.pop().succeeded(0.1)
    assert one.state() is State.OPEN
    one.refused_for()
    one.attempt().succeeded(0.1)
    for attempt in old:
        attempt.failed(DOWN)
    assert one.state() is State.CLOSED


def test_an_attempt_ends_once_and_with_its_context() -> None:
    one = Clocked()
    attempt = one.attempt()
    attempt.succeeded(0.1)
    for _ in range(5):
        attempt.failed(DOWN)
    assert one.state() is State.CLOSED
    for _ in range(3):
        with pytest.raises(KeyError), one.attempt():
            raise KeyError("a fault in an engine")
    assert one.state() is State.OPEN
    one.refused_for()
    with pytest.raises(GeneratorExit), one.attempt():
        raise GeneratorExit
    assert one.breaker.allows


ENDS = st.sampled_from([None, DOWN, WRONG, BARRED, "slow", "cancelled"])


class AnyUse(RuleBasedStateMachine):
    """Whatever is asked and however it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.one = Clocked()
        self.under_way: list[Attempt] = []
        self.probe: Attempt | None = None
        self.opened_at = 0.0

    @rule()
    def ask(self) -> None:
        before = self.one.state()
        attempt = self.one.breaker.enter()
        if before is not State.CLOSED and attempt is not None:
            assert before is State.OPEN, "two tried it at once"
            assert self.one.now >= self.opened_at
            self.probe = attempt
        if attempt is not None:
            self.under_way.append(attempt)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), end=ENDS)
    def answer(self, data: st.DataObject, end: EngineError | str | None) -> None:
        attempt = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        before = self.one.state()
        if isinstance(end, EngineError):
            attempt.failed(end)
        elif end == "cancelled":
            attempt.given_up()
        else:
            attempt.succeeded(9.0 if end == "slow" else 0.1)
        after = self.one.state()
        if after is State.OPEN and before is not State.OPEN:
            self.opened_at = self.one.now
            assert end is not None
            assert before is State.HALF_OPEN or end not in ("cancelled", WRONG)
        if after is State.CLOSED and before is not State.CLOSED:
            assert attempt is self.probe and end is None, "only a trial that ended well closes it"
        if end is BARRED:
            assert after is State.OPEN

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.one.now += seconds

    @invariant()
    def never_stuck(self) -> None:
        """Closed, or to be tried within minutes, or being tried."""
        breaker = self.one.breaker
        if breaker.state is State.HALF_OPEN:
            assert self.probe in self.under_way
        elif breaker.state is State.OPEN:
            now, self.one.now = self.one.now, self.one.now + LIMITS.barred_s
            assert breaker.allows
            self.one.now = now


TestAnyUse = AnyUse.TestCase


@given(st.lists(st.sampled_from(["good", "cancelled", "rejected"]), max_size=60))
def test_no_end_but_a_failure_ever_opens_it(ends: list[str]) -> None:
    one = Clocked()
    for end in ends:
        attempt = one.attempt()
        if end == "good":
            attempt.succeeded(0.2)
        elif end == "rejected":
            attempt.failed(WRONG)
        else:
            attempt.given_up()
    assert one.seen.states == [State.CLOSED]
