"""Whether both say no, or neither does.

A negation is said in so many ways that only a plain one is looked for, and nearly anything may stand for it: `wrong`
for `no es correcto`, `hold the line` for `no cuelgue`. How often it is said is not counted.
"""

from __future__ import annotations

import re

from controller.meaning.equivalents import TURNS
from controller.meaning.rules import Rules
from controller.meaning.text import plain, tidy


def lost(source: str, one: Rules, target: str, other: Rules) -> list[str]:
    """The negation that one of both has and the other has not, in its own words."""
    if one.code == other.code:
        return []
    said, told = plain(tidy(source)), plain(tidy(target))
    plainly, there = _plain(said, one), _plain(told, other)
    if plainly and not there and not other.negative.search(told) and not _turned(said, one, told):
        return [plainly]
    if there and not plainly and not one.negative.search(said) and not _turned(said, one, told):
        return [there]
    return []


def _plain(text: str, rules: Rules) -> str:
    """The first plain negation; empty where there is none."""
    match = rules.negations.search(rules.positive.sub(" ; ", text))
    return match[0] if match else ""


def _turned(said: str, one: Rules, told: str) -> bool:
    """Whether it is one of the turns of phrase that deny in one language only."""
    texts = (said, told) if one.code == TURNS.first else (told, said)
    return any(re.search(here, texts[0]) and re.search(there, texts[1]) for here, there in TURNS.pairs)
