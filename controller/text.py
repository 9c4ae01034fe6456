"""Text as speech: where a sentence ends firmly, and what two texts have in common when spelling is put aside."""

from __future__ import annotations

import re
import unicodedata

_FIRM_END = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'»”)]))\s+(?=[\"'«“(¿¡]?[^\W_])")
"""After a full stop, question or exclamation mark, before something that begins with a letter or a digit."""

_WHOLE_WORD = re.compile(r"[^\W\d_]{5,}[.!?…][\"'»”)]?$")
"""What ends a sentence before a digit: no number, and too long for most abbreviations that numbers follow."""

_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Sra|Srta|Dra|Ud|Uds|No|Nº|vs|etc|approx|ext|tel|telef|teléf|aprox"
    r"|núm|depto)\.$",
    re.IGNORECASE,
)


_UNSPACED = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Kana and ideographs."""


def sentences(text: str) -> list[str]:
    """`text` cut at firm sentence ends; joined by blanks they give the text again, white space folded."""
    parts: list[str] = []
    for piece in _FIRM_END.split(" ".join(text.split())):
        first = piece.lstrip("\"'«“(¿¡")[:1]
        before = parts[-1] if parts else ""
        goes_on = first.islower() or (first.isdigit() and not _WHOLE_WORD.search(before))
        if before and (goes_on or _ABBREVIATION.search(before)):
            parts[-1] += f" {piece}"
        elif piece:
            parts.append(piece)
    return parts


def fold(text: str) -> list[str]:
    """`text` as bare words of any script: lower case, no accents, no punctuation. Where words are written without
    blanks, in Chinese and Japanese, each character counts as one."""
    decomposed = unicodedata.normalize("NFD", text.lower())
    return "".join(map(_plain, decomposed)).split()


def _plain(char: str) -> str:
    if unicodedata.combining(char):
        return ""
    if char != "'" and unicodedata.category(char)[0] not in "LNM":
        return " "
    return f" {char} " if _UNSPACED.match(char) else char
