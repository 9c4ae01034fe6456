"""The reference's sampling rules restated as the plainest possible code, to compare ours with.

From the definitions of transformers' processors (repetition penalty, temperature, top-k, top-p), over the whole row.
"""

from __future__ import annotations

import math
import types
from collections.abc import Iterable, Sequence
from pathlib import Path

from export.runtime.xtts import sampler
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


OTHER_RULES = [
    ("[[PREFIX_TOKEN, config.start_audio]]", "[[config.start_audio]]"),
    ("[[PREFIX_TOKEN, config.start_audio]]", "[[PREFIX_TOKEN]]"),
    ("np.where(said < 0, said * np.float32(penalty), said / np.float32(penalty))", "said / np.float32(penalty)"),
    ("    scaled = logits / np.float32(sampling.temperature)", "    scaled = logits"),
    ("(logits >= floor)", "(logits > floor)"),
    ("np.partition(logits, -top_k)[-top_k]", "np.partition(logits, -top_k - 1)[-top_k - 1]"),
    ("    dropped[-1] = False\n", ""),
    ("np.float32(1.0 - top_p)", "np.float32(top_p)"),
    (
        "    kept = largest(scaled, sampling.top_k)\n    kept = nucleus(kept, scaled[kept], sampling.top_p)",
        "    kept = nucleus(np.arange(len(scaled)), scaled, sampling.top_p)\n"
        "    kept = kept[largest(scaled[kept], sampling.top_k)]",
    ),
    (
        "    kept = nucleus(kept, scaled[kept], sampling.top_p)",
        "    kept = nucleus(kept, scaled[kept] * np.float32(sampling.temperature), sampling.top_p)",
    ),
]
"""A rule as it stands in the sampler's source, and another one in its place."""


def changed_sampler(rule: str, changed: str) -> types.ModuleType:
    """The module `sampler` with another rule."""
    source = Path(sampler.__file__).read_text(encoding="utf-8")
    assert source.count(rule) == 1
    mutant = types.ModuleType("mutant")
    exec(compile(source.replace(rule, changed), "mutant", "exec"), mutant.__dict__)
    return mutant
