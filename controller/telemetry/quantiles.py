"""Quantiles as every report of ours gives them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Quantiles = dict[str, float | int | None]


def quantiles(values: Sequence[float]) -> Quantiles:
    """p50, p95, p99 (linear between samples), max and n; null where there are no values."""
    if not values:
        return {"p50": None, "p95": None, "p99": None, "max": None, "n": 0}
    p50, p95, p99 = (round(float(one), 1) for one in np.percentile(values, [50, 95, 99]))
    return {"p50": p50, "p95": p95, "p99": p99, "max": round(max(values), 1), "n": len(values)}
