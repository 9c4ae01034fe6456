"""The reference's sampling rules restated as the plainest possible code, to compare ours with.

From the definitions of transformers' processors (repetition penalty, temperature, top-k, top-p), over the whole row.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterable, Sequence
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


class OtherRule:
    """Rules as they stand in the sampler's source, and others in their places."""

    def __init__(self, name: str, *changes: tuple[str, str], leaves_no_token: bool = False) -> None:
        self.name = name
        self.changes = changes
        self.leaves_no_token = leaves_no_token
        """Whether some logits leave it nothing to draw: so it is found out as well."""

    def found_out(self, compare: Callable[[types.ModuleType], bool]) -> bool:
        """Whether `compare`, told whether the sampler is the reference's, says it is not."""
        try:
            return not compare(changed_sampler(self))
        except (ValueError, IndexError):
            if not self.leaves_no_token:
                raise
            return True


OTHER_RULES = (
    OtherRule("1 is not penalised", ("[[PREFIX_TOKEN, config.start_audio]]", "[[config.start_audio]]")),
    OtherRule("1024 is not penalised", ("[[PREFIX_TOKEN, config.start_audio]]", "[[PREFIX_TOKEN]]")),
    OtherRule(
        "negative logits are divided too",
        ("np.where(said < 0, said * np.float32(penalty), said / np.float32(penalty))", "said / np.float32(penalty)"),
    ),
    OtherRule(
        "penalised once for each time it was said",
        ("np.zeros(config.audio_tokens, bool)", "np.zeros(config.audio_tokens, np.int64)"),
        ("self._seen[token] = True", "self._seen[token] += 1"),
        ("def penalised(", "def once("),
        (
            "def distribution(",
            "def penalised(logits, seen, penalty):\n"
            "    for times in range(seen.max()):\n"
            "        logits = once(logits, seen > times, penalty)\n"
            "    return logits\n\n\n"
            "def distribution(",
        ),
    ),
    OtherRule("no temperature", ("    scaled = logits / np.float32(sampling.temperature)", "    scaled = logits")),
    OtherRule("what equals the last of top-k goes", ("(logits >= floor)", "(logits > floor)"), leaves_no_token=True),
    OtherRule(
        "top-k keeps one more", ("np.partition(logits, -top_k)[-top_k]", "np.partition(logits, -top_k - 1)[-top_k - 1]")
    ),
    OtherRule("top-p may drop all", ("    dropped[-1] = False\n", ""), leaves_no_token=True),
    OtherRule("top-p is what is dropped", ("np.float32(1.0 - top_p)", "np.float32(top_p)")),
    OtherRule(
        "top-p before top-k",
        (
            "    kept = largest(scaled, sampling.top_k)\n    kept = nucleus(kept, scaled[kept], sampling.top_p)",
            "    kept = nucleus(np.arange(len(scaled)), scaled, sampling.top_p)\n"
            "    kept = kept[largest(scaled[kept], sampling.top_k)]",
        ),
    ),
    OtherRule(
        "top-p before temperature",
        (
            "    kept = nucleus(kept, scaled[kept], sampling.top_p)",
            "    kept = nucleus(kept, scaled[kept] * np.float32(sampling.temperature), sampling.top_p)",
        ),
    ),
)


def changed_sampler(other: OtherRule) -> types.ModuleType:
    """The module `sampler` with another rule."""
    source = Path(sampler.__file__).read_text(encoding="utf-8")
    for rule, changed in other.changes:
        assert source.count(rule) == 1
        source = source.replace(rule, changed)
    mutant = types.ModuleType("mutant")
    exec(compile(source, "mutant", "exec"), mutant.__dict__)
    return mutant
