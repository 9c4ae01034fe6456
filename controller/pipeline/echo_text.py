"""Tells a clause that says what was just played to its speaker: the echo that the guard of the sound did not know.

Only while it may still be sounding back: who repeats a translation when it is over is interpreted. Knows words and
times; knows no audio.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from controller.messages import Clause, Delivery
from controller.pipeline.ledger import Ledger
from controller.text import fold

FIRST_S, LAST_S = 0.05, 0.7
"""How soon and how late an echo is heard back."""

ALIKE = 0.7
"""Share of a clause's words that are an echo's, in order: a recogniser mishears an echo more than a voice."""

SHORT = 3
"""So few words must all be there, in a row: a yes is not an echo because one was in a sentence."""

_KEPT_S = 30.0
"""The longest utterance and its recognition."""


class _Played(NamedTuple):
    text: str
    language: str
    first_s: float
    last_s: float


class EchoText:
    """What each participant of one call was told, and when."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._ended: dict[str, deque[_Played]] = {}

    def delivered(self, delivery: Delivery, now_s: float) -> None:
        """A delivery ended. What was played of it is kept for a while."""
        if delivery.first_s is None or delivery.target is None:
            return
        kept = self._ended.setdefault(delivery.listener, deque())
        kept.append(_Played(delivery.target, delivery.language, delivery.first_s, delivery.last_s or now_s))
        while kept[0].last_s < now_s - _KEPT_S:
            kept.popleft()

    def is_echo(self, clause: Clause, now_s: float) -> bool:
        """True where `clause` says what its speaker was hearing at the time."""
        said = fold(clause.text)
        span = clause.span
        sounding = [
            one
            for one in sorted(self._played(clause.speaker, now_s), key=lambda one: one.first_s)
            if one.language == clause.language
            and one.first_s + FIRST_S < span.end_s
            and span.start_s < one.last_s + LAST_S
        ]
        if not said or not sounding or span.end_s > max(one.last_s for one in sounding) + LAST_S:
            return False
        played = [word for one in sounding for word in fold(one.text)]
        if len(said) <= SHORT:
            return any(played[at : at + len(said)] == said for at in range(len(played)))
        return _in_common(said, played) >= ALIKE * len(said)

    def _played(self, listener: str, now_s: float) -> Iterator[_Played]:
        yield from self._ended.get(listener, ())
        for translation, first_s in self._ledger.sounding(listener):
            yield _Played(translation.text, translation.language, first_s, now_s)


def _in_common(said: list[str], played: list[str]) -> int:
    """The most words of `said` that are in `played` in the same order."""
    best = [0] * (len(played) + 1)
    for word in said:
        row = [0]
        for at, other in enumerate(played):
            row.append(best[at] + 1 if word == other else max(best[at + 1], row[at]))
        best = row
    return best[-1]
