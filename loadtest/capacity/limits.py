"""What a step must hold, and what it did not. Pure: knows the figures of a step as they stand in the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MOST_DROPS: Final = 0.01
"""Share of frames lost, in the worse direction, from which nobody hears well any more."""

MOST_FAILED: Final = 0.01
"""Share of requests, or of calls, that may fail."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a target."""

    p95_ms: Mapping[str, float] = field(default_factory=dict)
    """Of each row of the report that counts: 95 of 100 must be as quick."""
    drops: float | None = None
    """Share of frames; None where there are none."""


def broken(step: Mapping[str, Any], limits: Limits) -> list[str]:
    """Why a step does not hold, each in a sentence's middle; empty where it does."""
    why = []
    if limits.drops is not None:
        frames = step["frames"]
        for direction in ("in", "out"):
            if (share := frames[f"dropped_{direction}"]) >= limits.drops:
                why.append(f"{share:.1%} of the frames {direction} were lost (limit {limits.drops:.0%})")
        if (up := step["up"]) < step["users"]:
            why.append(f"{up} of {step['users']} calls were up")
    failed, asked = step["failed"], max(1, step["asked"])
    if failed / asked > MOST_FAILED:
        why.append(f"{failed} of {step['asked']} failed ({step['error'] or 'no reason given'})")
    for name, most in limits.p95_ms.items():
        row = step["rows"].get(name, {"p95": None})
        if row["p95"] is None:
            why.append(f"nobody got as far as {name}")
        elif row["p95"] > most:
            why.append(f"{name}, p95: {row['p95']:.0f} ms (limit {most:.0f})")
    return why
