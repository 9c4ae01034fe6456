"""Each live call's own figures, for `dragoman call list` and `call show`. As small after hours as at first."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from controller.messages import Clause, Delivery, Outcome, Reason
from controller.observer import Observer
from controller.telemetry.quantiles import Quantiles, quantiles
from controller.voices.standing import Standing

SAMPLES = 256
"""Lags kept of a call: the p95 of as many is right within 3 percentiles, nine times of ten."""


class Balance(Protocol):
    """Deliveries so far."""

    opened: int
    played: int
    dropped: Counter[Reason]


class LiveCall(Protocol):
    """A call that is up: a conversation."""

    call: str
    ticks_skipped: int

    @property
    def balance(self) -> Balance: ...

    def backlogs_s(self) -> dict[str, float]: ...

    def languages(self) -> dict[str, str]: ...

    def standings(self) -> Mapping[str, Standing]: ...

    @property
    def bypassed(self) -> Collection[str]: ...


class Reservoir:
    """An even sample of however many values there were (Vitter's algorithm R, 1985), with their count and maximum."""

    def __init__(self, size: int = SAMPLES) -> None:
        self._size = size
        self._values: list[float] = []
        self._count = 0
        self._max: float | None = None
        self._random = random.Random(0)

    def add(self, value: float) -> None:
        self._count += 1
        self._max = value if self._max is None else max(self._max, value)
        if len(self._values) < self._size:
            self._values.append(value)
        elif (place := self._random.randrange(self._count)) < self._size:
            self._values[place] = value

    def quantiles(self) -> Quantiles:
        """As every report gives them; p50, p95 and p99 are the sample's, max and n of all."""
        return {**quantiles(self._values), "max": self._max and round(self._max, 1), "n": self._count}


class _Figures:
    def __init__(self) -> None:
        self.since = datetime.now(UTC)
        self.clauses = 0
        self.frames = 0
        self.frames_dropped = 0
        self.lags = Reservoir()
        self.lag_ms = self.lags.quantiles()


class CallFigures(Observer):
    """The figures of all calls that are up."""

    def __init__(self) -> None:
        self._calls: dict[str, _Figures] = {}

    def joined(self, call: str, leg: str, language: str, candidates: tuple[str, ...]) -> None:
        self._calls.setdefault(call, _Figures())

    def clause(self, call: str, clause: Clause) -> None:
        if figures := self._calls.get(call):
            figures.clauses += 1

    def delivered(self, call: str, delivery: Delivery) -> None:
        figures = self._calls.get(call)
        if figures and delivery.outcome is Outcome.PLAYED and delivery.lag_ms is not None:
            figures.lags.add(delivery.lag_ms)
            figures.lag_ms = figures.lags.quantiles()

    def ticked(self, call: str, late_s: float, work_s: float, frames_in: int, frames_dropped: int) -> None:
        if figures := self._calls.get(call):
            figures.frames += frames_in
            figures.frames_dropped += frames_dropped

    def snapshot(self, live: Collection[LiveCall]) -> list[dict[str, Any]]:
        """Those of the calls in `live`, oldest first, JSON-ready; what was known of others is forgotten."""
        self._calls = {one.call: self._calls[one.call] for one in live if one.call in self._calls}
        told = [_told(one, self._calls[one.call]) for one in live if one.call in self._calls]
        return sorted(told, key=lambda one: str(one["since"]))


def _told(call: LiveCall, figures: _Figures) -> dict[str, Any]:
    balance = call.balance
    standings = {leg: {"voice": one.state, "because": one.because} for leg, one in call.standings().items()}
    return {
        "name": call.call,
        "since": figures.since.isoformat(timespec="seconds"),
        "parties": [
            {"leg": leg, "language": language, **standings.get(leg, {})} for leg, language in call.languages().items()
        ],
        "clauses": figures.clauses,
        "deliveries": {
            "opened": balance.opened,
            "played": balance.played,
            "dropped": {reason.value: count for reason, count in balance.dropped.items()},
        },
        "lag_ms": figures.lag_ms,
        "backlog_s": {leg: round(seconds, 2) for leg, seconds in call.backlogs_s().items()},
        "bypassed": list(call.bypassed),
        "frames": {"arrived": figures.frames, "dropped": figures.frames_dropped},
        "ticks_late": call.ticks_skipped,
    }
