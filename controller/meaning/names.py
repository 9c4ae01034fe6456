"""Names that a translation must keep: capitals in mid-sentence, and what is spelled letter by letter.

Knows tokens and rules; what a place is called elsewhere stands in `equivalents`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from controller.meaning.equivalents import PLACES
from controller.meaning.rules import Rules
from controller.meaning.text import Token, plain, tidy

_SPELLED: Final = re.compile(
    r"(?<![^\W_])(?:[^\W\d_a-z][\s\-.,]{1,2}){2,}[^\W\d_a-z](?![^\W_])|(?<![^\W_])(?:[^\W\d_]-){2,}[^\W\d_](?![^\W_])"
)
_SHORTEST: Final = 3
"""A name of fewer letters may be a word."""


def lost(text: str, said: Sequence[Token], one: Rules, target: str, told: Collection[Token]) -> list[str]:
    """The names of `text` that are not in `target`, in order, each once."""
    if text.isupper():
        return []
    there = {part for token in told for part in _spellings(token.word)}
    letters = re.sub(r"[\W\d_]", "", plain(target))
    missing = [
        token.text
        for token in said
        if _is_name(token, one)
        and there.isdisjoint(PLACES.get(_bare(token.word), ()))
        and _bare(token.word) not in there
    ]
    spelled = (match[0] for match in _SPELLED.finditer(tidy(text)))
    missing += [row for row in spelled if re.sub(r"[\W\d_]", "", plain(row)) not in letters]
    return list(dict.fromkeys(missing))


def _is_name(token: Token, rules: Rules) -> bool:
    word = _bare(token.word)
    return (
        not token.begins
        and len(word) >= _SHORTEST
        and token.text[0].isupper()
        and not token.text.isupper()
        and word not in rules.not_names
        and word not in rules.calendar
        and word not in rules.numerals
        and word not in rules.titles
        and word not in rules.currencies
        and word not in rules.offers
        and word not in rules.scales
    )


def _bare(word: str) -> str:
    """Without a genitive: anna's."""
    return word.removesuffix("'s").removesuffix("'")


def _spellings(word: str) -> tuple[str, ...]:
    return word, _bare(word), word.replace("'", "")
