"""What a dashboard consists of, in our own words: boards of rows of panels of queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["timeseries", "stat", "state-timeline", "heatmap"]


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression; `$__rate_interval` is Grafana's."""

    expr: str
    legend: str = ""
    """Of each series, labels as {{label}}."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture."""

    title: str
    text: str
    """For whoever sees it for the first time: what it is, and what is good."""

    queries: tuple[Query, ...]
    unit: str = "short"
    """Grafana's name of it."""

    kind: Kind = "timeseries"
    limit: float | None = None
    """From here on it is red."""

    least: float | None = None
    """Below this it is red."""

    words: tuple[tuple[int, str, str], ...] = ()
    """What values stand for: value, word, colour."""

    width: int = 8
    """Of 24 columns."""

    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard."""

    name: str
    """Of its file; `dragoman-NAME` is what Grafana knows it by."""

    title: str
    text: str
    rows: tuple[Row, ...]
