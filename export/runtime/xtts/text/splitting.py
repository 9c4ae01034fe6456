"""A text cut where a speaker would breathe: behind sentences, then clauses, then words, never within one.

Pieces are cuts of the text, spaces and all: joined they are the text again. Knows no model, only how long a
piece may be.
"""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections.abc import Iterator

from export.runtime.xtts.text import words
from export.runtime.xtts.text.languages import Language

_CLOSING = "\"'”’»›)】〕」』》〉）"
_OPENING = "\"'“‘«‹(【〔「『《〈（"
_SPACELESS = "[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
"""Scripts written without spaces, as part of a pattern."""

_WIDE_ENDS = "。！？｡"
"""Sentence ends behind which no space is written."""

_CLAUSES = ",;:،؛、，；：–—"
_WIDE_CLAUSES = "、，；："

CLAUSE, SPACE, SCRIPT, CHARACTER, ANYWHERE, NOWHERE = range(6)
"""What a place to cut is worth, the best first: behind a clause, between words, where kanji begin behind kana, between
characters of a script without spaces, within a word; before an accent or a space if nothing else is left."""

_ABBREVIATED = re.compile(r"[^\W\d_]\.")
"""One letter and a full stop: behind another such it is the second part of "z. B."."""

_LONGEST_SHORT = 40
"""Characters before a full stop that may decide what it is: more than any abbreviation and what opens before it."""

_NEVER_FIRST = "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶーゝゞヽヾ々…‥"
_SMALLEST_PART = 0.3
"""Of a piece's length: a clause shorter than that is not spoken well by itself."""


def split(text: str, language: Language, limit: int | None = None) -> list[str]:
    """`text` in pieces of at most `limit` characters (the language's own if None), spaces at their ends not counted.

    Sentences stay together as far as they fit: the model speaks one of a few characters badly.
    """
    longest = max(1, language.limit if limit is None else limit)
    pieces: list[str] = []
    for sentence in _sentences(text, language):
        if pieces and _length(pieces[-1] + sentence) <= longest:
            pieces[-1] += sentence
        else:
            pieces += _parts(sentence, longest)
    return pieces


def ends_sentence(piece: str, language: Language) -> bool:
    """Whether a pause follows `piece`, or just a breath."""
    return piece.rstrip(_CLOSING + " ").endswith(tuple(language.ends))


def _length(piece: str) -> int:
    return len(piece.strip())


def _sentences(text: str, language: Language) -> Iterator[str]:
    short = words.abbreviations(language.code)
    start = 0
    for found in _sentence_end(language.ends).finditer(text):
        if found[0].startswith(".") and _goes_on(text, found, short, language):
            continue
        yield text[start : found.end()]
        start = found.end()
    if start < len(text):
        yield text[start:]


@functools.cache
def _sentence_end(ends: str) -> re.Pattern[str]:
    """Each run of marks is looked at once, from its start: a text may be nothing else."""
    mark, closing = f"[{re.escape(ends)}]", f"[{re.escape(_CLOSING)}]"
    narrow = rf"(?<!{mark}){mark}++{closing}*+(?:\s+|$|(?={_SPACELESS}))"
    return re.compile(rf"{narrow}|[{_WIDE_ENDS}]+{closing}*\s*")


def _goes_on(text: str, full_stop: re.Match[str], short: frozenset[str], language: Language) -> bool:
    """Whether what looks like a sentence's end is that of an abbreviation, of an initial or of "3." for "third"."""
    following = text[full_stop.end() : full_stop.end() + 1]
    if not following or len(full_stop[0].rstrip()) > 1:
        return following.islower()
    near = text[max(0, full_stop.start() - _LONGEST_SHORT) : full_stop.start()]
    before = near.rsplit(" ", maxsplit=1)[-1].lstrip(_OPENING + "-")
    is_initial = len(before) == 1 and (before.isupper() or _ABBREVIATED.match(text, full_stop.end()) is not None)
    is_place = language.dotted_ordinals and before[-1:].isdecimal()
    return following.islower() or is_initial or is_place or before.lower() in short


def _parts(sentence: str, longest: int) -> Iterator[str]:
    """A sentence in parts of about the same length, none longer than `longest`."""
    while _length(sentence) > longest:
        at = _place(sentence, longest)
        yield sentence[:at]
        sentence = sentence[at:]
    yield sentence


def _place(text: str, longest: int) -> int:
    """Where to cut: at the best kind of place there is, there as near as can be to equal parts."""
    target = len(text) / math.ceil(_length(text) / longest)
    best: dict[int, int] = {}
    for at in range(1, len(text)):
        if _length(text[:at]) > longest:
            break
        kind = _kind(text, at)
        if kind == CLAUSE and min(at, len(text) - at) < longest * _SMALLEST_PART:
            kind = SPACE if text[at - 1].isspace() else CHARACTER
        if kind not in best or abs(at - target) < abs(best[kind] - target):
            best[kind] = at
    return best[min(best)]


def _kind(text: str, at: int) -> int:
    before, after = text[at - 1], text[at]
    if unicodedata.category(after)[0] == "M" or after.isspace():
        return NOWHERE
    if before.isspace():
        last = text[:at].rstrip()[-1:]
        return CLAUSE if (last and last in _CLAUSES) or after in "(–—" else SPACE
    if before in _CLAUSES and (before in _WIDE_CLAUSES or _spaceless(after)) and _may_begin(after):
        return CLAUSE
    if _spaceless(before) and _may_begin(after):
        return SCRIPT if _is_kanji(after) and not _is_kanji(before) else CHARACTER
    return ANYWHERE


def _may_begin(char: str) -> bool:
    return not char.isspace() and char not in _CLOSING + _CLAUSES + _WIDE_ENDS + _NEVER_FIRST + ".!?"


def _spaceless(char: str) -> bool:
    """Whether `char` belongs to a script written without spaces."""
    return re.match(_SPACELESS, char) is not None or char in _CLOSING + _WIDE_CLAUSES + _WIDE_ENDS


def _is_kanji(char: str) -> bool:
    return char > "\u30ff" and re.match(_SPACELESS, char) is not None
