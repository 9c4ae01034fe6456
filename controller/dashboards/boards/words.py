"""Expressions that several panels are made of."""

from __future__ import annotations

from typing import Final

from controller.dashboards.panels import Query

PER: Final = "[$__rate_interval]"

LOST: Final = 'reason=~"overflow|late|asr"'
"""Frames that should have been listened to; those of someone on hold should not."""

LAG_MS: Final = 900.0


def per_second(counter: str, by: str, where: str = "") -> str:
    """How fast a counter grows, for each value of the labels `by`."""
    return f"sum by ({by}) (rate({counter}{{{where}}}{PER}))" if where else f"sum by ({by}) (rate({counter}{PER}))"


def share(part: str, whole: str) -> str:
    """A fraction of two counters' growth; no value while neither grows."""
    return f"sum(rate({part}{PER})) / sum(rate({whole}{PER}))"


def quantile(q: float, histogram: str, by: str = "") -> str:
    """Of a histogram in Prometheus's sense; `by`: for each value of that label."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({histogram}_bucket{PER})))"


def quantiles(histogram: str) -> tuple[Query, ...]:
    """The median and what the slowest see."""
    return tuple(Query(quantile(q, histogram), f"p{q * 100:g}") for q in (0.5, 0.95, 0.99))
