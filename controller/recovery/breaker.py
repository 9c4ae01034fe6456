"""Whether an engine is asked at all: not for a while after it failed or was slow, and then by one request first.

One breaker an engine and kind, for all calls. It is told how requests end and says who may ask; it makes no request,
has no task, and knows time by the clock that it is given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from types import TracebackType

from controller.errors import EngineBarred, EngineError, EngineRejected


class State(StrEnum):
    """What a breaker lets through."""

    CLOSED = "closed"
    """Everything."""

    HALF_OPEN = "half_open"
    """One request, which is under way: how it ends decides."""

    OPEN = "open"
    """Nothing, or, once its time is over, the one that asks first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When an engine is left alone, and for how long."""

    slow_s: float = inf
    """An answer that took longer counts as a failure, however good it was."""

    failures: int = 3
    """So many in a row open it ..."""

    error_rate: float = 0.5
    """... or this share of the last `window_s` seconds, of at least `least` answers."""

    least: int = 10
    window_s: float = 30.0
    open_s: float = 5.0
    """At first; twice as long each time that it opens again before any work was done well."""

    most_open_s: float = 60.0
    barred_s: float = 300.0
    """After an EngineBarred: nothing but a person's doing will change that."""


class Watch:
    """Told what becomes of engines; does nothing here. Called on the event loop: never wait."""

    def changed(self, engine: str, kind: str, state: State, why: str) -> None:
        """A breaker has this state now; told at first too, with no reason. `why`: for a person."""

    def worked(self, engine: str, kind: str) -> None:
        """An engine that is one of several has done a piece of work."""

    def switched(self, kind: str, error: EngineError, to: str) -> None:
        """A piece of work at which one engine failed was given to the engine `to`."""


class Breaker:
    """Of one engine."""

    def __init__(
        self, engine: str, kind: str, limits: Limits, now: Callable[[], float], watch: Watch | None = None
    ) -> None:
        """
        Args:
            engine: its name in the settings.
            kind: stt, mt or tts.
            now: seconds on a clock that never goes back.
        """
        self.engine = engine
        self.kind = kind
        self.state = State.CLOSED
        self._limits = limits
        self._now = now
        self._watch = watch or Watch()
        self._answers: deque[tuple[float, bool]] = deque()
        """When each came of late, and whether it was good; since the breaker closed."""
        self._in_a_row = 0
        self._openings = 0
        """Since some work was last done well."""
        self._until = 0.0
        """When the next request may be let in, where it is open."""
        self._probe: Attempt | None = None
        self._watch.changed(engine, kind, self.state, "")

    @property
    def allows(self) -> bool:
        """Whether a request would be let in now."""
        return self.state is State.CLOSED or (self.state is State.OPEN and self._now() >= self._until)

    def enter(self) -> Attempt | None:
        """Let a request in; None: ask another engine. Whoever is let in tells how it ended, whatever happens."""
        if not self.allows:
            return None
        attempt = Attempt(self, self._now())
        if self.state is State.OPEN:
            self._probe = attempt
            self._become(State.HALF_OPEN, "it is tried again")
        return attempt

    def broke(self, error: Exception) -> None:
        """It failed without being asked, or after it had begun well; a failure like any other."""
        if isinstance(error, EngineBarred):
            self._open(self._limits.barred_s, error)
        elif self.state is State.CLOSED and not isinstance(error, EngineRejected):
            self._count(False, error)

    # Told by attempts

    def ended(self, attempt: Attempt, took_s: float | None, error: Exception | None) -> None:
        """One that was let in has ended: after `took_s`, with `error`, or, where both are None, without an answer."""
        if isinstance(error, EngineBarred):
            self._open(self._limits.barred_s, error)
            return
        slow = took_s is not None and took_s > self._limits.slow_s
        answered = took_s is not None or (error is not None and not isinstance(error, EngineRejected))
        good = error is None and not slow
        why = error or (f"it took {took_s:.1f} s" if slow else "")
        if attempt is self._probe:
            self._probe = None
            if not answered:
                self._until = self._now()
                self._become(State.OPEN, "the trial had no answer")
            elif good:
                self._close()
            else:
                self._open(self._next_open_s(), why)
        elif answered and self.state is State.CLOSED and attempt.began_s >= self._until:
            self._count(good, why)

    def _count(self, good: bool, why: object) -> None:
        limits, now = self._limits, self._now()
        self._answers.append((now, good))
        while self._answers[0][0] < now - limits.window_s:
            self._answers.popleft()
        if good:
            self._in_a_row = self._openings = 0
            return
        self._in_a_row += 1
        bad, count = sum(not one for _, one in self._answers), len(self._answers)
        if self._in_a_row >= limits.failures or (count >= limits.least and bad / count >= limits.error_rate):
            self._open(self._next_open_s(), why)

    def _next_open_s(self) -> float:
        seconds = min(self._limits.open_s * 2.0**self._openings, self._limits.most_open_s)
        self._openings = min(self._openings + 1, 30)
        return seconds

    def _open(self, seconds: float, why: object) -> None:
        self._probe = None
        self._until = max(self._until, self._now() + seconds)
        if self.state is not State.OPEN:
            self._become(State.OPEN, f"it is left alone for {seconds:g} s: {why}")

    def _close(self) -> None:
        self._answers.clear()
        self._in_a_row = 0
        self._until = self._now()  # what was begun before tells nothing any more
        self._become(State.CLOSED, "it works again")

    def _become(self, state: State, why: str) -> None:
        self.state = state
        self._watch.changed(self.engine, self.kind, state, why)


class Attempt:
    """One request that was let in. It ends once: what is told after that counts for nothing.

    As a context it ends at the latest where the context does: a fault is a failure, a cancellation none.
    """

    def __init__(self, breaker: Breaker, began_s: float) -> None:
        self.began_s = began_s
        """On the breaker's clock."""
        self.breaker = breaker
        self._ended = False

    def __enter__(self) -> Attempt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self.failed(error)
        else:
            self.given_up()

    def succeeded(self, took_s: float) -> None:
        """It was answered well, after `took_s` seconds."""
        self._end(took_s, None)

    def failed(self, error: Exception) -> None:
        """It was not. An EngineRejected says nothing of the engine, only of the request."""
        self._end(None, error)

    def given_up(self) -> None:
        """Nobody waits for the answer any more."""
        self._end(None, None)

    def _end(self, took_s: float | None, error: Exception | None) -> None:
        if not self._ended:
            self._ended = True
            self.breaker.ended(self, took_s, error)
