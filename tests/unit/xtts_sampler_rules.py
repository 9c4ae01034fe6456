"""The reference's sampling rules restated as the plainest possible code, to compare ours with.

From the definitions of transformers' processors (repetition penalty, temperature, top-k, top-p), over the whole row.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from export.runtime.xtts.config import Sampling


def probabilities(logits: Sequence[float], said: Iterable[int], sampling: Sampling) -> dict[int, float]:
    """Each token that may come next and how likely it is, after `said`."""
    row = list(logits)
    for token in {1, 1024, *said}:
        row[token] = (
            row[token] * sampling.repetition_penalty if row[token] < 0 else row[token] / sampling.repetition_penalty
        )
    row = [one / sampling.temperature for one in row]
    if sampling.top_k:
        last = sorted(row, reverse=True)[min(sampling.top_k, len(row)) - 1]
        row = [one if one >= last else -math.inf for one in row]
    if sampling.top_p < 1.0:
        weights, summed = softmax(row), 0.0
        ascending = sorted(range(len(row)), key=weights.__getitem__)
        for token in ascending[:-1]:
            summed += weights[token]
            if summed <= 1.0 - sampling.top_p:
                row[token] = -math.inf
    return {token: weight for token, weight in enumerate(softmax(row)) if weight > 0.0}


def softmax(row: Sequence[float]) -> list[float]:
    best = max(row)
    weights = [math.exp(one - best) for one in row]
    total = math.fsum(weights)
    return [one / total for one in weights]
