"""Numbers in a text, as figures and as words: where each stands and what it may mean.

Knows one text and its language's rules; what numbers stand for beyond their value is told by `quantities`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from controller.meaning.rules import Rules
from controller.meaning.text import Token

HUNDRED: Final = 100
MOST_DIGITS: Final = 30
"""A longer row of figures is compared as it stands."""

_PARTS: Final = re.compile(r"[.,]")


@dataclass(frozen=True, slots=True)
class Atom:
    """One number."""

    first: int
    """Its first token."""
    end: int
    """The one behind its last."""
    values: frozenset[str]
    """What it may mean, each in one spelling: 15.5 for 15,50. More than one where 1.200 may be either."""
    digits: str
    """As one would write it among others told one by one, 042; empty for a fraction."""
    vague: bool = False
    """It may be no number at all: one, una."""


def find(tokens: Sequence[Token], rules: Rules, masked: Collection[int]) -> list[Atom]:
    """Every number of a text but those whose first token is among `masked`."""
    found: list[Atom] = []
    at = 0
    while at < len(tokens):
        follows = bool(found) and found[-1].end == at
        atom = None if at in masked else _atom(tokens, at, rules, follows)
        if atom is None:
            at += 1
        else:
            found.append(atom)
            at = atom.end
    return found


def canonical(number: Decimal) -> str:
    """The one spelling of a number: 15.5, 1200."""
    if number == number.to_integral_value():
        return str(int(number))
    return f"{number.normalize():f}"


def figures(text: str, thousands: str) -> frozenset[str]:
    """What a row of figures with points and commas may mean, where `thousands` are parted by that sign."""
    if len(text) > MOST_DIGITS:
        return frozenset({text})
    signs = [char for char in text if char in ".,"]
    groups = _PARTS.split(text)
    joined = "".join(groups)
    if not signs:
        return frozenset({str(int(text))})
    by_three = 1 <= len(groups[0]) <= 3 and groups[0] != "0" and all(len(group) == 3 for group in groups[1:])
    if len(set(signs)) == 2 and signs.count(signs[-1]) == 1:  # 1.200,50
        return frozenset({canonical(Decimal(f"{''.join(groups[:-1])}.{groups[-1]}"))})
    if len(signs) > 1:
        return frozenset({str(int(joined))} if by_three else {text, str(int(joined))})
    fraction = canonical(Decimal(f"{groups[0]}.{groups[1]}"))
    if by_three:
        whole = str(int(joined))
        return frozenset({whole} if signs[0] == thousands else {whole, fraction})
    meant = {fraction}
    if len(groups[1]) > 3:  # 555.1234
        meant.add(str(int(joined)))
    if int(groups[0]) == 0 and len(groups[1]) == 2:  # 0.50 are 50 cents
        meant.add(str(int(groups[1])))
    return frozenset(meant)


def _atom(tokens: Sequence[Token], at: int, rules: Rules, follows: bool) -> Atom | None:
    """The number that begins at a token. `follows`: straight after another, as digits do that are told one by one."""
    token = tokens[at]
    if token.is_figure:
        if ":" in token.text or "h" in token.text:
            return None
        values, end, digits = figures(token.text, rules.thousands), at + 1, token.text if token.text.isdecimal() else ""
        if scale := _scale(tokens, end, rules):
            values, end, digits = frozenset(canonical(Decimal(one) * scale) for one in values if _is(one)), end + 1, ""
    elif follows and token.word in rules.spelled_zero:
        return Atom(at, at + 1, frozenset({"0"}), "0")
    elif (spoken := _spoken(tokens, at, rules)) is not None:
        value, end = spoken
        values, digits = frozenset({str(value)}), str(value)
    else:
        return None
    if digits and (fraction := _fraction(tokens, end, rules)) is not None:
        behind, end = fraction
        return Atom(at, end, frozenset({canonical(Decimal(f"{digits}.{behind}"))}), "")
    return Atom(at, end, values, digits, vague=end == at + 1 and token.word in rules.vague)


def _is(value: str) -> bool:
    """Whether it is one number, and not a row such as 5.3.2026."""
    return value.count(".") <= 1


def _word(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].word if at < len(tokens) else ""


def _scale(tokens: Sequence[Token], at: int, rules: Rules) -> int | None:
    return rules.scales.get(_word(tokens, at))


def _spoken(tokens: Sequence[Token], at: int, rules: Rules) -> tuple[int, int] | None:
    """The value of the numeral that begins at a token, and the token behind it; None where none does."""
    whole = 0  # closed by a thousand or a million
    group: int | None = None  # below a thousand, still open
    room = 0  # what may be added to it is below this
    least_scale: int | None = None
    end = at
    while True:
        here, link = end, ""
        if end > at and (_word(tokens, end) in rules.within | rules.after_hundreds):
            here, link = end + 1, _word(tokens, end)
        word = _word(tokens, here)
        if word in rules.scales and not link:
            scale = rules.scales[word]
            if scale == least_scale or (group == 0) or (group is None and whole and scale < (least_scale or 0)):
                break
            if least_scale is not None and scale > least_scale:
                whole = (whole + (group or 0)) * scale
            else:
                whole += (1 if group is None else group) * scale
            group, least_scale = None, scale
        elif word in rules.times_hundred and not link:
            if group is not None and not 0 < group < HUNDRED:
                break
            group, room = (group or 1) * HUNDRED, HUNDRED
        elif word in rules.numerals:
            value = rules.numerals[word]
            if group is None:
                if whole and link not in rules.after_hundreds:
                    break
                if whole and least_scale is not None and value >= least_scale:
                    break
            elif not 0 < value < room or link not in (rules.within if room == 10 else rules.after_hundreds):
                break
            group = (group or 0) + value
            room = HUNDRED if value >= HUNDRED else 10 if value >= 20 and value % 10 == 0 else 0
        else:
            break
        end = here + 1
    return None if end == at else (whole + (group or 0), end)


def _fraction(tokens: Sequence[Token], at: int, rules: Rules) -> tuple[str, int] | None:
    """The digits behind a point that is spoken at a token, and the token behind them."""
    if _word(tokens, at) not in rules.points:
        return None
    digits, end = "", at + 1
    while end < len(tokens):
        token = tokens[end]
        if token.text.isdecimal():
            more = token.text
        elif (value := rules.numerals.get(token.word)) is not None and (value < 10 or not digits):
            more = str(value)
        else:
            break
        digits, end = digits + more, end + 1
        if len(more) > 1:
            break
    return (digits, end) if digits else None
