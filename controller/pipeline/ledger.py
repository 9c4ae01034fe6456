"""The law of conservation: every delivery that is opened ends exactly once, played or dropped with a reason.

Also keeps when each delivery passed each stage. Knows no queue and no engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from controller.messages import Clause, Delivery, Outcome, Reason, Translation
from controller.telemetry.waterfall import Mark, stages_ms


@dataclass(slots=True)
class _Open:
    clause: Clause
    listener: str
    language: str
    marks: dict[Mark, float]
    translation: Translation | None = None


@dataclass(slots=True)
class Balance:
    """How many deliveries were opened and how they ended."""

    opened: int = 0
    played: int = 0
    dropped: Counter[Reason] = field(default_factory=Counter)

    @property
    def open(self) -> int:
        """Deliveries that have not ended yet; zero at the end of every call."""
        return self.opened - self.played - self.dropped.total()


class Ledger:
    """The deliveries of one call."""

    def __init__(self, on_delivery: Callable[[Delivery], None]) -> None:
        self.balance = Balance()
        self._open: dict[tuple[str, str], _Open] = {}
        self._on_delivery = on_delivery

    def open(self, clause: Clause, listener: str, language: str, marks: dict[Mark, float]) -> None:
        """A clause is due to a listener. `marks`: what happened before it became a clause."""
        self.balance.opened += 1
        self._open[clause.id, listener] = _Open(clause, listener, language, dict(marks))

    def mark(self, clause: Clause, language: str, mark: Mark, now_s: float) -> None:
        """The clause's deliveries in `language` passed a stage; the first time counts."""
        for entry in self._entries(clause, language):
            entry.marks.setdefault(mark, now_s)

    def mark_listener(self, clause: Clause, listener: str, mark: Mark, now_s: float) -> None:
        """One delivery passed a stage; the first time counts."""
        if entry := self._open.get((clause.id, listener)):
            entry.marks.setdefault(mark, now_s)

    def translated(self, translation: Translation) -> None:
        """Keep the translation with the deliveries that it is for."""
        for entry in self._entries(translation.clause, translation.language):
            entry.translation = translation

    def listeners(self, clause: Clause, language: str) -> list[str]:
        """Who still waits for the clause in `language`."""
        return [entry.listener for entry in self._entries(clause, language)]

    def waiting(self, listener: str) -> list[Translation]:
        """What is translated for `listener` and not yet begun to be spoken, in the order in which it was committed."""
        return [
            entry.translation
            for entry in self._open.values()
            if entry.listener == listener and entry.translation and Mark.SYNTHESIS_BEGAN not in entry.marks
        ]

    def sounding(self, listener: str) -> list[tuple[Translation, float]]:
        """What is being played to `listener`, or was and is not yet accounted for, and since when."""
        return [
            (entry.translation, entry.marks[Mark.FIRST_PLAYED])
            for entry in self._open.values()
            if entry.listener == listener and entry.translation and Mark.FIRST_PLAYED in entry.marks
        ]

    def played(self, clause: Clause, listener: str, last_s: float) -> None:
        """It was heard whole; its last sample was handed over at `last_s`. Does nothing where it has ended already."""
        if entry := self._open.pop((clause.id, listener), None):
            self.balance.played += 1
            self._tell(entry, Outcome.PLAYED, None, last_s)

    def drop(self, clause: Clause, listener: str, reason: Reason) -> None:
        """The delivery will not be played (to its end). Does nothing where it has ended already."""
        if entry := self._open.pop((clause.id, listener), None):
            self.balance.dropped[reason] += 1
            self._tell(entry, Outcome.DROPPED, reason, None)

    def drop_all(self, clause: Clause, language: str, reason: Reason) -> None:
        """Drop the clause for everyone who waits for it in `language`."""
        for listener in self.listeners(clause, language):
            self.drop(clause, listener, reason)

    def said_by(self, speaker: str) -> list[tuple[Clause, str]]:
        """The open deliveries of what `speaker` said: clause and listener."""
        return [(one.clause, one.listener) for one in self._open.values() if one.clause.speaker == speaker]

    def due_to(self, listener: str) -> list[Clause]:
        """The clauses of the open deliveries to `listener`."""
        return [one.clause for one in self._open.values() if one.listener == listener]

    def close(self, reason: Reason) -> None:
        """Drop all that is open: the call is over."""
        for entry in list(self._open.values()):
            self.drop(entry.clause, entry.listener, reason)

    def _entries(self, clause: Clause, language: str) -> list[_Open]:
        return [one for one in self._open.values() if one.clause.id == clause.id and one.language == language]

    def _tell(self, entry: _Open, outcome: Outcome, reason: Reason | None, last_s: float | None) -> None:
        self._on_delivery(
            Delivery(
                clause=entry.clause,
                listener=entry.listener,
                language=entry.language,
                outcome=outcome,
                reason=reason,
                target=entry.translation.text if entry.translation else None,
                first_s=entry.marks.get(Mark.FIRST_PLAYED),
                last_s=last_s,
                ear_s=entry.marks.get(Mark.EAR),
                stages_ms=stages_ms(entry.marks),
                lost=entry.translation.lost if entry.translation else (),
            )
        )
