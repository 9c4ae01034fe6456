"""What one language's rules are: a table a language, in a module of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

NIGHT = "night"
"""A half of the day that depends on the hour: ten at night is p.m., one at night is not."""


@dataclass(frozen=True, slots=True)
class Clock:
    """How a time of day is said, over words in which every number stands as `#3`, the third of the text."""

    pattern: re.Pattern[str]
    """With the group `h`, the number of the hour, and perhaps `m`, that of the minutes."""

    minutes: int | None = None
    """Past the hour; None where the group `m` says, or none are said."""

    to: bool = False
    """They are left until the hour."""

    needs_half: bool = False
    """It is a time of day only where morning or afternoon is said behind it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """One language. All words are in small letters without accents."""

    code: str

    numerals: Mapping[str, int]
    """Words that are added: one, nineteen, twenty; in Spanish the hundreds too."""

    times_hundred: frozenset[str]
    """Words that multiply what is before them by a hundred."""

    scales: Mapping[str, int]
    """Thousand, million."""

    within: frozenset[str]
    """What may stand between tens and units; "" for nothing."""

    after_hundreds: frozenset[str]
    """And between hundreds or thousands and what follows."""

    points: frozenset[str]
    """Three point five."""

    vague: frozenset[str]
    """Numerals that are as often a pronoun or an article: demanded only where digits are told one by one."""

    spelled_zero: frozenset[str]
    """What stands for a zero among such digits."""

    thousands: str
    """What parts thousands in figures; the other one parts decimals, but either is understood."""

    offers: Mapping[str, tuple[str, ...]]
    """Words that say a number without being one: both, third, dozen, half. They satisfy, and demand nothing."""

    halves: frozenset[str]
    """And a half."""

    stretched: tuple[tuple[re.Pattern[str], Mapping[str, tuple[str, ...]]], ...]
    """Numbers that also stand for others: `quince días` are two weeks. The pattern has the group `h`, the number."""

    clocks: tuple[Clock, ...]
    """The first that fits counts."""

    half_days: tuple[tuple[re.Pattern[str], str], ...]
    """What follows a time: `am`, `pm` or NIGHT."""

    hour_words: frozenset[str]
    """Behind `15.30` they say that it is a time."""

    currencies: Mapping[str, frozenset[str]]
    """Names of money, and what they may be called elsewhere."""

    calendar: Mapping[str, str]
    """Days of the week and months that are nothing else, by what they are."""

    titles: frozenset[str]
    """Words before a name, some with a full stop."""

    not_names: frozenset[str]
    """What has a capital in mid-sentence and is no name, or one that is translated."""

    negations: re.Pattern[str]
    """Plain negation."""

    negative: re.Pattern[str]
    """What may stand for a negation in the other language: without, impossible, failed."""

    positive: re.Pattern[str]
    """What looks like a negation and is none: tag questions, set phrases."""

    idioms: re.Pattern[str] = field(default=re.compile(r"(?!)"))
    """Phrases whose numbers mean nothing."""
