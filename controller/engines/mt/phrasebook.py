"""A translator that knows set phrases of the telephone by heart, and asks another for everything else.

A whole clause, or whole sentences of it, are looked up as bare words: spelling, accents and signs do not matter. The
phrases stand in `phrases.txt`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Final

from controller.engines.mt import Rendered, Translator
from controller.text import fold, sentences

NAME: Final = "phrasebook"
LANGUAGES: Final = ("en", "es")
"""Of the two sides of each line."""

Phrases = Mapping[tuple[str, ...], str]
"""What to say, by the bare words of what was said."""


@cache
def phrases(source: str, target: str) -> Phrases:
    """The phrases of a pair; none where the book has not both languages."""
    if {source, target} != set(LANGUAGES):
        return {}
    text = files("controller.engines.mt").joinpath("phrases.txt").read_text("utf-8")
    return parsed(text, backwards=source != LANGUAGES[0])


def parsed(text: str, *, backwards: bool = False) -> dict[tuple[str, ...], str]:
    """The phrases of a book, from left to right or backwards.

    Raises:
        ValueError: a line is no pair, or says anew what another line has said.
    """
    found: dict[tuple[str, ...], str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        sides = [[phrase.strip() for phrase in side.split(" | ")] for side in line.split(" = ")]
        if len(sides) != 2:
            raise ValueError(f"line {number} is no pair: {line}")
        said, told = reversed(sides) if backwards else sides
        for phrase in said:
            words = tuple(fold(phrase))
            if not words or words in found:
                raise ValueError(f"line {number} has {phrase!r}, which says nothing or stands above already")
            found[words] = told[0]
    return found


class Phrasebook:
    """What it knows is told at once; of what it does not know wholly, the other sentences are `engine`'s."""

    def __init__(self, engine: Translator) -> None:
        self.name = engine.name
        self.translates = engine.translates
        self.probe = engine.probe
        self._engine = engine

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        book = phrases(_plain(source), _plain(target))
        if (known := looked_up(text, book)) is not None:
            return Rendered(known, NAME)
        parts = [(sentence, looked_up(sentence, book)) for sentence in sentences(text)] if book else []
        if not any(known for _, known in parts):
            return await self._engine.translate(text, source, target, context)
        told = []
        for is_known, group in groupby(parts, key=lambda part: part[1] is not None):
            if is_known:
                told += [known or "" for _, known in group]
            else:
                unknown = " ".join(sentence for sentence, _ in group)
                told.append(await self._engine.translate(unknown, source, target, context))
        # All of it is the book's where every sentence is.
        whole = " ".join(told)
        return Rendered(whole, NAME) if all(known for _, known in parts) else whole


def looked_up(text: str, book: Phrases) -> str | None:
    """What the book says for `text`, or for all its parts between commas; None where it does not know it."""
    if not book:
        return None
    if (known := book.get(tuple(fold(text)))) is not None:
        return known
    parts = [book.get(tuple(fold(part)), "") for part in text.split(",")]
    if len(parts) < 2 or not all(parts) or not all(part.endswith(".") for part in parts[:-1]):
        return None
    return ", ".join([parts[0][:-1], *(_small(part[:-1]) for part in parts[1:-1]), _small(parts[-1])])


def _small(phrase: str) -> str:
    """As it stands within a sentence: "I" keeps its capital."""
    for place, char in enumerate(phrase):
        if char.isalpha():
            if char == "I" and not phrase[place + 1 : place + 2].isalpha():
                return phrase
            return phrase[:place] + char.lower() + phrase[place + 1 :]
    return phrase


def _plain(code: str) -> str:
    """es-MX has the phrases of es."""
    return code.partition("-")[0].lower()
