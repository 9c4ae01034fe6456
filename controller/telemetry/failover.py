"""What becomes of engines that fail, as metrics and log lines: which are left alone, and what others took over."""

from __future__ import annotations

import logging
from typing import Final

from controller.errors import ENGINE_ERRORS, EngineError
from controller.recovery.breaker import State, Watch
from controller.telemetry.metrics import Registry

log = logging.getLogger(__name__)

VALUES: Final = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}
"""Of the gauge."""


class FailoverFigures(Watch):
    """Of all engines of a process."""

    def __init__(self, registry: Registry) -> None:
        self._before: dict[str, list[str]] = {}
        """By kind the engines that have been told of, in the order of their chain."""
        self._states = registry.gauge(
            "dragoman_breaker_state",
            "0: an engine is asked; 1: one request tries it; 2: left alone",
            "engine",
            "kind",
        )
        self._changes = registry.counter(
            "dragoman_breaker_changes_total", "Changes of that state, by the new one", "engine", "kind", "state"
        )
        self._worked = registry.counter("dragoman_engine_answers_total", "Pieces of work done well", "engine", "kind")
        self._switched = registry.counter(
            "dragoman_failovers_total", "Pieces of work given to the next engine", "kind", "engine", "to", "error"
        )

    def changed(self, engine: str, kind: str, state: State, why: str) -> None:
        self._states.set(VALUES[state], engine, kind)
        if not why:
            self._expect(engine, kind)
        else:
            self._changes.add(engine, kind, state.value)
            level = logging.INFO if state is State.HALF_OPEN else logging.WARNING
            about = {"engine": engine, "stage": kind}
            log.log(level, "the breaker of the %s engine %s is %s: %s", kind, engine, state.value, why, extra=about)

    def _expect(self, engine: str, kind: str) -> None:
        """One more engine of a chain: what is counted of it begins at 0."""
        before = self._before.setdefault(kind, [])
        self._worked.expect([engine], [kind])
        self._changes.expect([engine], [kind], State)
        self._switched.expect([kind], before, [engine], (one.__name__ for one in ENGINE_ERRORS))
        before.append(engine)

    def worked(self, engine: str, kind: str) -> None:
        self._worked.add(engine, kind)

    def switched(self, kind: str, error: EngineError, to: str) -> None:
        self._switched.add(kind, error.engine, to, type(error).__name__)
        about = {"engine": error.engine, "stage": kind}
        log.info("the %s engine %s failed (%s): %s goes on", kind, error.engine, type(error).__name__, to, extra=about)
