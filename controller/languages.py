"""Which language each side of a call speaks: what is known of the call, in order of how sure it is.

Channel variable (or the dialplan's own argument) > caller-id directory > dialled prefix > spoken identification among
the call's pair > default. Knows names and numbers; what is heard later is the recogniser's (`engines/stt/identifying`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from controller.settings import CallSettings, LanguageSettings

VARIABLES = {"a": "DRAGOMAN_FROM", "b": "DRAGOMAN_TO"}
"""The channel variables of the caller's channel: the language of either side."""

VOICES = {"a": "DRAGOMAN_FROM_VOICE", "b": "DRAGOMAN_TO_VOICE"}
"""Likewise: the profile that either side is to be spoken in."""

_OPTIONS = {"a": "from", "b": "to"}


class Known(StrEnum):
    """How a language is known."""

    TOLD = "told"
    """By a channel variable or the dialplan."""
    DIRECTORY = "directory"
    PREFIX = "prefix"
    ASSUMED = "assumed"
    """The default, until the speaker is heard."""
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one side speaks."""

    language: str
    """ISO 639-1; where `candidates` are given only until one of them is heard."""

    known: Known
    candidates: tuple[str, ...] = ()
    """Languages among which the speaker is identified; empty where there is nothing to find out."""

    def __str__(self) -> str:
        return f"{self.language} ({self.known.value})"


def choose(
    options: Mapping[str, str],
    variables: Mapping[str, str],
    caller: str,
    dialled: str,
    calls: CallSettings,
    languages: LanguageSettings,
) -> dict[str, Spoken]:
    """What the caller (`a`) and the called party (`b`) speak.

    Args:
        options: the dialplan's arguments: `from`, `to`, and `pair` (such as `en-es`) where it knows no more than that.
        variables: the caller's channel variables, by the names in VARIABLES.
        caller, dialled: the two numbers; empty when unknown.
    """
    pair = _pair(options.get("pair", "")) or (calls.source, calls.target)
    prefix = _longest(languages.prefixes, dialled, prefix=True)
    by_prefix = dict(zip("ab", _pair(prefix) or ("", prefix), strict=True))
    numbers, defaults = {"a": caller, "b": dialled}, dict(zip("ab", pair, strict=True))
    found = {}
    for side in "ab":
        told = variables.get(VARIABLES[side]) or options.get(_OPTIONS[side], "")
        listed = _longest(languages.directory, numbers[side], prefix=False)
        if told:
            found[side] = Spoken(told, Known.TOLD)
        elif listed:
            found[side] = Spoken(listed, Known.DIRECTORY)
        elif by_prefix[side]:
            found[side] = Spoken(by_prefix[side], Known.PREFIX)
        elif languages.identify and pair[0] != pair[1]:
            found[side] = Spoken(defaults[side], Known.ASSUMED, pair)
        else:
            found[side] = Spoken(defaults[side], Known.DEFAULT)
    return found


def _pair(text: str) -> tuple[str, str] | None:
    first, dash, second = text.partition("-")
    return (first, second) if dash and first and second else None


def _longest(table: Mapping[str, str], number: str, *, prefix: bool) -> str:
    """What the longest pattern that fits `number` says; empty where none does."""
    fitting = [one for one in table if number and fnmatchcase(number, f"{one}*" if prefix else one)]
    return table[max(fitting, key=len)] if fitting else ""
