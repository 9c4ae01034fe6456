"""The call process's own figures: counters, gauges and histograms that cost a dictionary look-up.

Rendering for Prometheus happens in the API process (5 000 samples take 79 ms there: four ticks); what passes to it is
`Registry.snapshot()`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from itertools import product
from typing import Any, TypeVar

MS_BUCKETS = (
    1.0,
    2.0,
    5.0,
    10.0,
    20.0,
    50.0,
    100.0,
    200.0,
    300.0,
    500.0,
    700.0,
    900.0,
    1200.0,
    2000.0,
    4000.0,
)
"""Upper bounds in milliseconds; they hold every target of ours."""

MAX_SERIES = 100
"""Label values of a family; all further ones together are one more, so that no input can fill a memory."""

OTHER = "other"

Labels = tuple[str, ...]
M = TypeVar("M", bound="Metric")


class Metric(ABC):
    """One family. `labels` are names; values must come from small fixed sets."""

    kind = "untyped"

    def __init__(self, name: str, text: str, labels: Sequence[str] = ()) -> None:
        self.name = name
        self.text = text
        self.labels = tuple(labels)

    def _series(self, labels: Labels, known: Collection[Labels]) -> Labels:
        """Where to count `labels`: as they are, or among the others where there are too many."""
        return labels if labels in known or len(known) < MAX_SERIES else (OTHER,) * len(labels)

    @abstractmethod
    def samples(self) -> list[Any]:
        """[[label values, value], ...], JSON-ready."""

    def snapshot(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "text": self.text,
            "kind": self.kind,
            "labels": self.labels,
            "samples": self.samples(),
        }


class Counter(Metric):
    """Only grows."""

    kind = "counter"

    def __init__(self, name: str, text: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, text, labels)
        self.values: dict[Labels, float] = {} if labels else {(): 0.0}

    def add(self, *labels: str, amount: float = 1.0) -> None:
        series = labels if labels in self.values else self._series(labels, self.values)
        self.values[series] = self.values.get(series, 0.0) + amount

    def expect(self, *labels: Iterable[str]) -> None:
        """Have every combination of these values at 0: of a series that begins with 1 no rate ever sees that one."""
        for series in product(*labels):
            self.add(*series, amount=0)

    def samples(self) -> list[Any]:
        return [[list(labels), value] for labels, value in self.values.items()]


class Gauge(Counter):
    """Goes up and down."""

    kind = "gauge"

    def set(self, value: float, *labels: str) -> None:
        self.values[self._series(labels, self.values)] = value


class Histogram(Metric):
    """Milliseconds in MS_BUCKETS."""

    kind = "histogram"

    def __init__(self, name: str, text: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, text, labels)
        self._values: dict[Labels, tuple[list[int], list[float]]] = {}

    def observe(self, milliseconds: float, *labels: str) -> None:
        """Count one value; it falls into the first bucket whose bound is not below it."""
        if (found := self._values.get(labels)) is None:
            series = self._series(labels, self._values)
            found = self._values.setdefault(series, ([0] * (len(MS_BUCKETS) + 1), [0.0]))
        counts, total = found
        counts[bisect_left(MS_BUCKETS, milliseconds)] += 1
        total[0] += milliseconds

    def samples(self) -> list[Any]:
        return [[list(labels), [counts, total[0]]] for labels, (counts, total) in self._values.items()]


class Registry:
    """All families of a process."""

    def __init__(self) -> None:
        self._families: list[Metric] = []

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        return self._add(Counter(name, text, labels))

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return self._add(Gauge(name, text, labels))

    def histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return self._add(Histogram(name, text, labels))

    def snapshot(self) -> list[dict[str, Any]]:
        """Every family as JSON-ready values."""
        return [family.snapshot() for family in self._families]

    def _add(self, family: M) -> M:
        self._families.append(family)
        return family
