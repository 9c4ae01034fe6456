"""What a text says in numbers: counts, times of day, sums of money, days and months.

Reads one text by its language's rules; two readings are compared by `numbers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from controller.meaning.numerals import Atom, find
from controller.meaning.rules import NIGHT, Rules
from controller.meaning.text import Token

_JOINERS: Final = frozenset(",-./()–")
_FIGURES: Final = re.compile(r"(\d{1,2})[:h.](\d{2})$")
_NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of day."""

    hour: int
    minute: int
    half: str
    """`am`, `pm`, or empty where it is not said."""

    def agrees(self, other: Moment) -> bool:
        """Twelve hours more or less are the same, unless both say which half of the day it is."""
        halves = {self.half, other.half} - {""}
        return self.minute == other.minute and (self.hour - other.hour) % 12 == 0 and len(halves) < 2

    @property
    def spellings(self) -> frozenset[str]:
        """As a number: 3 or 15; 330 or 1530."""
        early = self.hour % 12
        hours = {str(early), str(early + 12)} if early else {"0", "12", "24"}
        return frozenset(f"{hour}{self.minute:02}" for hour in hours) if self.minute else frozenset(hours)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number, with what it is of."""

    text: str
    first: int
    """Its first token."""
    end: int
    """The one behind its last."""
    values: frozenset[str]
    digits: str
    demanded: bool
    """A translation must say it too."""
    moment: Moment | None = None
    money: frozenset[str] = _NONE

    def agrees(self, other: Quantity) -> bool:
        if self.moment and other.moment:
            return self.moment.agrees(other.moment)
        return not self.values.isdisjoint(other.values)


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one text says in numbers."""

    quantities: tuple[Quantity, ...]
    """In order."""
    runs: tuple[range, ...]
    """Those that stand side by side, as the digits of a telephone number, by their places."""
    offers: frozenset[str]
    """Values that a word says which is no number: both, half."""
    money: frozenset[str]
    """Every kind of money that is named."""
    calendar: dict[str, str]
    """Days of the week and months, and the words that say them."""


def read(tokens: Sequence[Token], rules: Rules) -> Reading:
    """The reading of a text."""
    words = [token.word for token in tokens]
    atoms = find(tokens, rules, _masked(words, rules))
    quantities = _quantities(tokens, atoms, rules)
    runs = tuple(_runs(tokens, quantities))
    for run in runs:
        if len(run) > 2:
            for place in run:
                quantities[place] = replace(quantities[place], demanded=True)
    offers = {value for word in words for value in rules.offers.get(word, ())}
    money: frozenset[str] = _NONE.union(*(rules.currencies[word] for word in words if word in rules.currencies))
    calendar = {rules.calendar[token.word]: token.text for token in tokens if token.word in rules.calendar}
    return Reading(tuple(quantities), runs, frozenset(offers), money, calendar)


def _masked(words: Sequence[str], rules: Rules) -> set[int]:
    """The tokens of phrases whose numbers mean nothing."""
    line, starts = _line(words)
    masked: set[int] = set()
    for match in rules.idioms.finditer(line):
        masked.update(at for at, start in enumerate(starts) if match.start() <= start < match.end())
    return masked


def _line(words: Iterable[str]) -> tuple[str, list[int]]:
    """The words with blanks between them, and where each begins."""
    starts, line = [], ""
    for word in words:
        starts.append(len(line))
        line += f"{word} "
    return line, starts


def _quantities(tokens: Sequence[Token], atoms: Sequence[Atom], rules: Rules) -> list[Quantity]:
    made = [_plain(tokens, atom, rules) for atom in atoms]
    taken = {at for one in made for at in range(one.first, one.end)}
    made += [
        _of_moment(tokens, at, at + 1, moment)
        for at, token in enumerate(tokens)
        if at not in taken and (moment := _shown(token.text))
    ]
    made.sort(key=lambda one: one.first)
    line = _numbered(tokens, made)
    made = _stretched(made, line, rules)
    made = _with_clocks(tokens, made, line, rules)
    if any(token.word in rules.halves for token in tokens):
        made = [
            replace(one, values=one.values | {f"{value}.5" for value in one.values if value.isdigit()})
            if one.moment is None
            else one
            for one in made
        ]
    return made


def _plain(tokens: Sequence[Token], atom: Atom, rules: Rules) -> Quantity:
    behind = tokens[atom.end].word if atom.end < len(tokens) else ""
    if behind in rules.hour_words and (moment := _shown(tokens[atom.first].text)) and atom.end == atom.first + 1:
        return _of_moment(tokens, atom.first, atom.end, moment)
    return Quantity(
        _text(tokens, atom.first, atom.end),
        atom.first,
        atom.end,
        atom.values,
        atom.digits,
        not atom.vague,
        money=_money(tokens, atom.first, atom.end, rules),
    )


def _of_moment(tokens: Sequence[Token], first: int, end: int, moment: Moment) -> Quantity:
    return Quantity(_text(tokens, first, end), first, end, moment.spellings, "", True, moment)


def _text(tokens: Sequence[Token], first: int, end: int) -> str:
    return " ".join(token.text for token in tokens[first:end])


def _money(tokens: Sequence[Token], first: int, end: int, rules: Rules) -> frozenset[str]:
    """Of what money a number is: a sign before it, or a word behind it."""
    near = [tokens[first - 1].word] if first and not tokens[first - 1].is_word else []
    behind = [token.word for token in tokens[end : end + 2]]
    if behind and behind[0] in ("de", "of"):
        near.append(behind[-1])
    near += behind[:1]
    return _NONE.union(*(rules.currencies.get(word, _NONE) for word in near))


# Times of day


def _shown(text: str) -> Moment | None:
    """3:30, 15h30; with a point too, which whoever asks must know to be a time."""
    match = _FIGURES.match(text)
    return _moment(int(match[1]), int(match[2])) if match else None


def _moment(hour: int, minute: int, half: str = "") -> Moment | None:
    if not (0 <= hour <= 24 and 0 <= minute < 60):
        return None
    if hour % 12 == 0:
        half = ""  # midnight and noon are told in too many ways
    elif hour > 12:
        half = "pm"
    elif half == NIGHT:
        half = "pm" if hour >= 6 else ""
    return Moment(hour, minute, half)


def _numbered(tokens: Sequence[Token], quantities: Sequence[Quantity]) -> str:
    """The text with `#3` for its third number."""
    words = [token.word for token in tokens]
    for place, one in enumerate(quantities):
        words[one.first : one.end] = [f"#{place}"] + [""] * (one.end - one.first - 1)
    return " ".join(word for word in words if word)


def _stretched(quantities: list[Quantity], line: str, rules: Rules) -> list[Quantity]:
    made = list(quantities)
    for pattern, meant in rules.stretched:
        for match in pattern.finditer(line):
            one = made[int(match["h"])]
            more = {other for value in one.values for other in meant.get(value, ())}
            made[int(match["h"])] = replace(one, values=one.values | more)
    return made


def _with_clocks(tokens: Sequence[Token], quantities: list[Quantity], line: str, rules: Rules) -> list[Quantity]:
    """Where numbers are a time of day, that time instead of them."""
    moments: dict[int, tuple[Moment, range]] = {}
    for clock in rules.clocks:
        for match in clock.pattern.finditer(line):
            hour = int(match["h"])
            minutes = int(match["m"]) if "m" in clock.pattern.groupindex and match["m"] else None
            places = range(min(hour, hour if minutes is None else minutes), max(hour, minutes or 0) + 1)
            if any(place in covered for place in places for _, covered in moments.values()):
                continue
            half = _half(line, match.end(), rules)
            if clock.needs_half and not half:
                continue
            past = clock.minutes if clock.minutes is not None else _small(quantities, minutes)
            moment = _told(_small(quantities, hour), past, clock.to, half)
            if moment is not None:
                moments[places.start] = moment, places
    for place, one in enumerate(quantities):
        if one.moment and place not in moments:
            after = re.search(rf"#{place}\b", line)
            half = _half(line, after.end(), rules) if after else ""
            moment = _moment(one.moment.hour, one.moment.minute, half)
            if moment is not None:
                moments[place] = moment, range(place, place + 1)
    made = []
    for place, one in enumerate(quantities):
        if place in moments:
            moment, places = moments[place]
            made.append(_of_moment(tokens, one.first, quantities[places[-1]].end, moment))
        elif not any(place in places for _, places in moments.values()):
            made.append(one)
    return made


def _told(hour: int | None, minute: int | None, to: bool, half: str) -> Moment | None:
    if hour is None:
        return None
    if to and minute:
        hour, minute = (hour - 1) % 24 or 12, 60 - minute
    return _moment(hour, minute or 0, half)


def _half(line: str, at: int, rules: Rules) -> str:
    for pattern, half in rules.half_days:
        if pattern.match(line, at):
            return half
    return ""


def _small(quantities: Sequence[Quantity], place: int | None) -> int | None:
    """The value of a whole number below 60; None for any other."""
    if place is None or len(quantities[place].digits) > 2 or not quantities[place].digits:
        return None
    value = int(quantities[place].digits)
    return value if value < 60 else None


def _runs(tokens: Sequence[Token], quantities: Sequence[Quantity]) -> Iterable[range]:
    start = 0
    for place in range(1, len(quantities) + 1):
        if place == len(quantities) or not _side_by_side(tokens, quantities[place - 1], quantities[place]):
            if place - start > 1:
                yield range(start, place)
            start = place


def _side_by_side(tokens: Sequence[Token], one: Quantity, other: Quantity) -> bool:
    between = tokens[one.end : other.first]
    return bool(one.digits and other.digits) and len(between) <= 2 and all(token.text in _JOINERS for token in between)
