"""What a replay decided, beside what was decided when the call was recorded. Times may differ by a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controller.flight.score import Stream
from controller.frames import FRAME_S
from controller.messages import Clause, Delivery, SpeechEnded, SpeechStarted

TOLERANCE_S = FRAME_S + 0.001
"""A frame, and the millisecond in which some event loops count."""

Fact = str | float | None
Facts = dict[str, Fact]
Key = tuple[str, str]
"""A clause, and a listener of it; empty for the clause itself"""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a call decided."""

    clauses: Sequence[Clause]
    deliveries: Sequence[Delivery]

    def facts(self) -> dict[Key, Facts]:
        """All that is compared; times in seconds on the call's clock."""
        found: dict[Key, Facts] = {(one.id, ""): _clause(one) for one in self.clauses}
        return found | {(one.clause.id, one.listener): _delivery(one) for one in self.deliveries}


@dataclass(frozen=True, slots=True)
class Commit:
    """A clause, or one delivery of it."""

    what: str

    difference: str
    """Empty where it is the same as in the recording."""


def commits(then: Decisions, now: Decisions) -> list[Commit]:
    """Every clause in the order of the call, its deliveries behind it."""
    before, after = then.facts(), now.facts()
    order = {clause.id: place for place, clause in enumerate((*now.clauses, *then.clauses))}
    keys = sorted(before | after, key=lambda key: (order.get(key[0], -1), key))
    return [
        Commit(_told(key, before.get(key) or after[key]), _difference(before.get(key), after.get(key))) for key in keys
    ]


def utterances(speaker: str, then: Stream, now: Stream) -> Iterator[str]:
    """What the recogniser is not given any more as it was: the first such utterance, as a sentence."""
    for before, after in zip(then.utterances, now.utterances, strict=False):
        if difference := _difference(_utterance(before), _utterance(after)):
            yield f"{speaker}'s speech is cut otherwise for the recogniser: {difference}"
            return
    if missing := len(then.utterances) - len(now.utterances):
        less = "less" if missing > 0 else "more"
        yield f"the recogniser is given {abs(missing)} {less} of the starts and ends of {speaker}'s speech"


def _clause(one: Clause) -> Facts:
    return {"text": one.text, "language": one.language, "start": one.span.start_s, "end": one.span.end_s}


def _delivery(one: Delivery) -> Facts:
    return {
        "outcome": one.outcome.value,
        "reason": one.reason.value if one.reason else None,
        "language": one.language,
        "text": one.target,
        "first sound": one.first_s,
        "last sound": one.last_s,
        "ear": one.ear_s,
    }


def _utterance(one: SpeechStarted | SpeechEnded) -> Facts:
    if isinstance(one, SpeechStarted):
        return {"event": "start", "start": one.index * FRAME_S}
    return {"event": "end", "start": one.span.start_s, "end": one.span.end_s, "decided": one.decided_s}


def _told(key: Key, facts: Facts) -> str:
    clause, listener = key
    outcome = f"{facts.get('outcome')}{f' ({reason})' if (reason := facts.get('reason')) else ''}, " if listener else ""
    return f"{f'  to {listener}' if listener else clause} {outcome}[{facts['language']}] {facts['text'] or ''}".rstrip()


def _difference(before: Facts | None, after: Facts | None) -> str:
    if before is None:
        return "it was not there before"
    if after is None:
        return "it is not there any more"
    return "; ".join(
        f"{name} was {_said(before.get(name))}, is {_said(after.get(name))}"
        for name in before | after
        if not _same(before.get(name), after.get(name))
    )


def _same(before: Fact, after: Fact) -> bool:
    if isinstance(before, float) and isinstance(after, float):
        return abs(before - after) <= TOLERANCE_S
    return before == after


def _said(fact: Fact) -> str:
    return f"{fact:.2f} s" if isinstance(fact, float) else "none" if fact is None else repr(fact)
