"""Text as tokens: words, figures, times of day and signs, each with its plain spelling.

Knows no language but what it is given of abbreviations.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from controller.meaning.rules import Rules

_TOKEN: Final = re.compile(
    r"(?<!\d)\d{1,2}[:h]\d{2}(?![\d:])"  # 3:30, 15h30
    r"|\d+(?:[.,]\d+)*"
    r"|[^\W\d_]+(?:'[^\W\d_]+)*"
    r"|[^\w\s]"
)
_HALF_OF_DAY: Final = re.compile(r"\b([ap])\.\s?m\b\.?", re.IGNORECASE)
_STARTS: Final = frozenset(".?!…:;¿¡–—")
_QUOTES: Final = frozenset("\"'«»“”()[]")


@dataclass(frozen=True, slots=True)
class Token:
    """One word, figure or sign."""

    text: str
    word: str
    """Small letters without accents."""

    begins: bool
    """It is the first of a sentence, so that a capital says nothing."""

    @property
    def is_word(self) -> bool:
        return self.text[0].isalpha()

    @property
    def is_figure(self) -> bool:
        return self.text[0].isdecimal()


def plain(text: str) -> str:
    """Small letters without accents."""
    if text.isascii():
        return text.lower()
    return "".join(char for char in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(char))


def tidy(text: str) -> str:
    """One kind of apostrophe, `pm` for `p.m.`, blanks folded."""
    return " ".join(_HALF_OF_DAY.sub(r"\1m", text.replace("\u2019", "'")).split())


def tokens(text: str, rules: Rules) -> list[Token]:
    """The tokens of `text`, in order."""
    found: list[Token] = []
    begins = True
    for match in _TOKEN.finditer(tidy(text)):
        token = Token(match[0], plain(match[0]), begins)
        if token.text in _STARTS:
            # "Dr. Brown": the full stop belongs to the word before it.
            begins = not (token.text == "." and found and found[-1].word in rules.titles)
        elif token.text not in _QUOTES:
            begins = False
        found.append(token)
    return found
