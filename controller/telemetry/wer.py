"""Word error rate, as all our figures are: of accents, case, numerals up to ten and English contractions both sides are
freed first, for neither a speaker nor a recogniser can help how these are written. Other spellings count.
"""

from __future__ import annotations

import re
from typing import Final

from controller.text import fold

_NUMERALS: Final = (
    "zero one two three four five six seven eight nine ten",
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez",
)
_DIGITS: Final = {word: str(number) for words in _NUMERALS for number, word in enumerate(words.split())}
"""Up to ten only: from eleven on a word of one language is another word of the other ("once")."""

_CONTRACTIONS: Final = {"won't": "will not", "can't": "can not", "cannot": "can not"} | {
    rf"(?<=[a-z]){short}": f" {full}"
    for short, full in {"n't": "not", "'re": "are", "'m": "am", "'ll": "will", "'ve": "have"}.items()
}
"""Those that openai/whisper's English normaliser expands and that are never ambiguous ("it's" is "is" or "has"); and
"cannot", for "can't" is two words then."""


def errors(reference: str, heard: str) -> tuple[int, int]:
    """Word errors (substitutions, insertions and deletions: Levenshtein distance) and words of `reference`."""
    want, got = _words(reference), _words(heard)
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


def _words(text: str) -> list[str]:
    plain = text.lower().replace("\u2019", "'")
    for short, full in _CONTRACTIONS.items():
        plain = re.sub(rf"{short}\b", full, plain)
    return [_DIGITS.get(word, word) for word in fold(plain)]
