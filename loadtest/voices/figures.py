"""The arithmetic of voices.json: equal error rates, nearest neighbours, and intervals by resampling. Arrays only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

RESAMPLES: Final = 2_000
SHARE: Final = 0.95
"""Of the resamples that an interval holds."""


def value(found: float, resampled: Array) -> dict[str, Any]:
    """A figure with its interval."""
    low, high = np.nanquantile(resampled, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return {"value": round(float(found), 4), "interval": [round(float(low), 4), round(float(high), 4)]}


def eer(scores: Array, same: Array, weights: Array) -> float:
    """Where as large a share of the same is refused as of the different is accepted; NaN where either is not there.

    Args:
        scores: [pairs]; more is more alike.
        same: [pairs], whether both are of one speaker.
        weights: [pairs], how many times a pair counts.
    """
    order = np.argsort(scores, kind="stable")
    alike, weight = same[order], weights[order].astype(np.float64)
    of_same, of_different = np.cumsum(weight * alike), np.cumsum(weight * ~alike)
    if of_same[-1] == 0 or of_different[-1] == 0:
        return float("nan")
    # Thresholds below all, and above each score in turn; equal scores fall together.
    ends = np.append(scores[order][1:] > scores[order][:-1], True)
    refused = np.concatenate([[0.0], of_same[ends] / of_same[-1]])
    accepted = np.concatenate([[1.0], 1 - of_different[ends] / of_different[-1]])
    at = int(np.argmax(refused >= accepted))
    before, after = refused[at - 1] - accepted[at - 1], refused[at] - accepted[at]
    part = -before / (after - before)
    return float(refused[at - 1] + part * (refused[at] - refused[at - 1]))


def counts(groups: Array, chance: np.random.Generator) -> NDArray[np.int64]:
    """How often each item is drawn where each group is drawn anew from its own: [items]."""
    found = np.zeros(len(groups), np.int64)
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        np.add.at(found, chance.choice(own, len(own)), 1)
    return found


def intervals(act: Callable[[Array], Array], groups: Array, seed: int = 0) -> Array:
    """`act` of the counts of each resample: [resamples, ...]."""
    chance = np.random.default_rng(seed)
    return np.array([act(counts(groups, chance)) for _ in range(RESAMPLES)])


def relative(vectors: Array, speakers: Array, neutral: Array) -> Array:
    """Each vector less the mean of its speaker's neutral ones."""
    found = vectors.astype(np.float64)
    for speaker in np.unique(speakers):
        own = speakers == speaker
        found[own] -= vectors[own & neutral].mean(axis=0)
    return found


def nearest(vectors: Array, speakers: Array, manners: Array) -> NDArray[np.bool_]:
    """Whether the nearest vector of another speaker, by angle, is of the same manner: [items]."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    likeness = unit @ unit.T
    likeness[speakers[:, None] == speakers[None]] = -np.inf
    right: NDArray[np.bool_] = manners[likeness.argmax(axis=1)] == manners
    return right


def share(right: Array, units: Array) -> dict[str, Any]:
    """A share with its interval, whole `units` resampled: what was said once in several manners stays together."""
    return value(right.mean(), _resampled(right, units))


def difference(right: Array, other: Array, units: Array) -> dict[str, Any]:
    """By how much one share is more, the same units resampled for both."""
    apart = right.astype(np.float64) - other.astype(np.float64)
    return value(apart.mean(), _resampled(apart, units))


def _resampled(values: Array, units: Array, seed: int = 0) -> Array:
    _, places = np.unique(units, return_inverse=True)
    totals = np.bincount(places, weights=values.astype(np.float64))
    sizes = np.bincount(places).astype(np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(totals), (RESAMPLES, len(totals)))
    found: Array = totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return found
