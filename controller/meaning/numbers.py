"""Which numbers, times and sums of one reading are not in another.

The same number may be one here and many there: 5551234, 555 12 34, five five five and so on. Knows readings; knows no
language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from decimal import Decimal
from typing import Final

from controller.meaning.numerals import canonical
from controller.meaning.quantities import Quantity, Reading

SHORTEST: Final = 3
"""Figures of fewer digits may be words in a language without rules."""

MOST: Final = 40
"""Numbers of a text that are told apart; where there are more, it is only asked whether each is there."""

LONGEST_ROW: Final = 20
"""Digits told one by one that are taken for one number."""

_FIGURES: Final = re.compile(r"\d+(?:[\s.,\-()/:]{1,2}\d+)*")


def lost(source: Reading, target: Reading) -> list[tuple[str, str]]:
    """What `target` does not say: `number`, `time` or `amount`, and the source's words."""
    missing = _missing(source, target)
    found = [
        (_kind(one), one.text)
        for place, one in enumerate(source.quantities)
        if place in missing or (one.money and one.demanded and one.money.isdisjoint(target.money))
    ]
    for what, word in source.calendar.items():
        if what not in target.calendar and what not in target.offers and not _in_figures(what, source, target):
            found.append(("time", word))
    return found


def _in_figures(what: str, source: Reading, target: Reading) -> bool:
    """Whether a month is a number in the target: 5 in 3/5/2026, which is there once more often than in the source."""
    month = what.removeprefix("month:")
    said, told = (sum(month in one.values for one in reading.quantities) for reading in (source, target))
    return told > said


def lost_digits(source: str, target: str) -> list[str]:
    """Rows of figures in `source` that are nowhere in `target`, whatever the languages: those that no language writes
    as words, however they are grouped. A round number may be a word: it is not looked for."""
    said, told = _ascii(source), _ascii(target)
    rows = [re.sub(r"\D", "", row) for row in _FIGURES.findall(told)]
    return [
        figures
        for figures in _FIGURES.findall(said)
        if len(bare := re.sub(r"\D", "", figures)) >= SHORTEST
        and not bare.endswith("00")
        and not any(bare in row for row in rows)
        and not all(part in rows for part in re.findall(r"\d+", figures))
    ]


def _ascii(text: str) -> str:
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)


def _kind(one: Quantity) -> str:
    if one.moment:
        return "time"
    return "amount" if one.money else "number"


def _missing(source: Reading, target: Reading) -> set[int]:
    """The places of the source's demanded quantities that nothing in the target stands for."""
    said, told = source.quantities, target.quantities
    missing = {place for place, one in enumerate(said) if one.demanded}
    if max(len(said), len(told)) > MOST:
        there = target.offers.union(*(one.values for one in told))
        return {place for place in missing if said[place].values.isdisjoint(there)}
    free = set(range(len(told)))
    windows = _windows(told) if missing else {}
    for run in source.runs:
        row = {"".join(said[place].digits for place in run)}
        if not missing.isdisjoint(run) and (window := _found(row, windows, free)):
            missing -= set(run)
            free -= set(window)
    partners = _partners(said, told, missing, {place for place in free if told[place].demanded})
    missing -= set(partners.values())
    free -= partners.keys()
    for stretch in _stretches(sorted(missing)):
        if not missing.issuperset(stretch):
            continue
        window = _found(_together(said, stretch), windows, free)
        if window and len(window) + len(stretch) > 2:  # one and one were compared as a pair
            missing -= set(stretch)
            free -= set(window)
    hinted = source.offers.union(*(one.values for one in said if not one.demanded))
    if any(told[place].demanded and told[place].values.isdisjoint(hinted) for place in free):
        return missing  # a number is there that nobody said: no `a` and no `half` stands for the one that is not
    vague = target.offers.union(*(told[place].values for place in free))
    return {place for place in missing if said[place].values.isdisjoint(vague)}


def _windows(told: Sequence[Quantity]) -> dict[str, list[range]]:
    """The quantities side by side that together mean a number, for each that any do; not an article alone."""
    found: dict[str, list[range]] = {}
    for first in range(len(told)):
        for end in range(first + 1, min(len(told), first + LONGEST_ROW) + 1):
            if not any(one.demanded for one in told[first:end]):
                continue
            for value in _together(told, range(first, end)):
                found.setdefault(value, []).append(range(first, end))
    return found


def _found(wanted: Collection[str], windows: Mapping[str, Sequence[range]], free: Set[int]) -> range | None:
    """The first that means what is wanted and is free; None where there is none."""
    return next((one for value in wanted for one in windows.get(value, ()) if free >= set(one)), None)


def _together(quantities: Sequence[Quantity], places: range) -> frozenset[str]:
    """What quantities mean when they are taken for one: the row of their digits, or a sum and its cents."""
    ones = [quantities[place] for place in places]
    if len(ones) == 1:
        return ones[0].values | ({ones[0].digits} - {""})
    if not all(one.digits for one in ones):
        return frozenset()
    row = "".join(one.digits for one in ones)
    if len(ones) == 2 and len(ones[1].digits) <= 2:
        return frozenset({row, canonical(Decimal(f"{ones[0].digits}.{ones[1].digits:0>2}"))})
    return frozenset({row})


def _stretches(places: Sequence[int]) -> Iterator[range]:
    """Neighbours among `places`, the longest stretches first, each place alone at last."""
    for length in range(min(len(places), LONGEST_ROW), 0, -1):
        for first in range(len(places) - length + 1):
            if places[first + length - 1] - places[first] == length - 1:
                yield range(places[first], places[first] + length)


def _partners(said: Sequence[Quantity], told: Sequence[Quantity], missing: set[int], free: set[int]) -> dict[int, int]:
    """As many of the free as possible paired with one of the missing each (Kuhn's algorithm), by the free one."""
    partner: dict[int, int] = {}

    def pair(place: int, tried: set[int]) -> bool:
        for other in sorted(free - tried):
            if said[place].agrees(told[other]):
                tried.add(other)
                if other not in partner or pair(partner[other], tried):
                    partner[other] = place
                    return True
        return False

    for place in sorted(missing):
        pair(place, set())
    return partner
