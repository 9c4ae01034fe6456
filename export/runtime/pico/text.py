"""Text made fit for Pico: nothing it would read as markup, digits it would read as a huge number, short pieces.

Knows text only.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

LONGEST = 200
"""Characters a piece: about 12 s of speech, 80 ms of computing. Only text without punctuation gets near it."""

LONG_NUMBER = 5
"""Digits from which a number is a telephone or account number, to be read digit by digit."""

_SENTENCE_END = re.compile(r"(?<=[.!?…:;])[\"'»”)\]]*\s+")
_CLAUSE_END = re.compile(r"(?<=[,–—])\s+|\s+(?=[(–—])")


@dataclass(frozen=True, slots=True)
class Piece:
    """What is synthesised in one go."""

    text: str
    ends_sentence: bool
    """Whether a sentence's pause follows, not just a breath."""


def clean(text: str) -> str:
    """`text` on one line, without control characters and without the signs that start Pico's markup."""
    spaced = (
        " " if char in "<>" or unicodedata.category(char)[0] == "C" else char
        for char in unicodedata.normalize("NFC", text)
    )
    return " ".join("".join(spaced).split())


def spell_numbers(text: str) -> str:
    """Long runs of digits, one digit at a time: "5551234" would be five million and more."""
    return re.sub(rf"[0-9]{{{LONG_NUMBER},}}", lambda run: " ".join(run.group()), text)


def split(text: str) -> list[Piece]:
    """`text` (cleaned) in pieces: at sentence ends, where one is too long at clauses, then between words.

    Joined by single spaces the pieces are the text again; only a word longer than a piece is cut in itself.
    """
    pieces: list[Piece] = []
    for sentence in _cut(text, _SENTENCE_END):
        parts = _fit(sentence)
        pieces += [Piece(part, ends_sentence=part is parts[-1]) for part in parts]
    return pieces


def speakable(text: str) -> bool:
    """Whether there is anything to say: Pico hums for a second over mere punctuation."""
    return any(char.isalnum() for char in text)


def _fit(sentence: str) -> list[str]:
    if len(sentence) <= LONGEST:
        return [sentence]
    parts = [word for clause in _cut(sentence, _CLAUSE_END) for word in _words(clause)]
    return _gather(parts)


def _words(clause: str) -> list[str]:
    if len(clause) <= LONGEST:
        return [clause]
    words = [word[start : start + LONGEST] for word in clause.split() for start in range(0, len(word), LONGEST)]
    return _gather(words)


def _gather(parts: list[str]) -> list[str]:
    gathered: list[str] = []
    for part in parts:
        if gathered and len(gathered[-1]) + 1 + len(part) <= LONGEST:
            gathered[-1] += f" {part}"
        else:
            gathered.append(part)
    return gathered


def _cut(text: str, boundary: re.Pattern[str]) -> list[str]:
    """Cut behind each match; what the match took apart from spaces stays with the part before it."""
    parts, start = [], 0
    for match in boundary.finditer(text):
        parts.append(text[start : match.end()].strip())
        start = match.end()
    parts.append(text[start:].strip())
    return [part for part in parts if part]
