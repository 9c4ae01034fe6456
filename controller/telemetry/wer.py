"""Word error rate, accents and case folded, as all our figures are."""

from __future__ import annotations

from controller.text import fold


def errors(reference: str, heard: str) -> tuple[int, int]:
    """Word errors (substitutions, insertions and deletions: Levenshtein distance) and words of `reference`."""
    want, got = fold(reference), fold(heard)
    row = list(range(len(got) + 1))
    for i, word in enumerate(want, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (word != other))
    return row[-1], len(want)


def rate(pairs: list[tuple[str, str]]) -> float | None:
    """Errors over words of all (reference, heard) pairs, a fraction; None where there are no words."""
    counted = [errors(reference, heard) for reference, heard in pairs]
    words = sum(count for _, count in counted)
    return sum(count for count, _ in counted) / words if words else None
