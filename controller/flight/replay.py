"""Plays a recorded call through the real pipeline on the virtual clock, and compares what it decides.

A minute of call takes about a second, and two replays of a file are the same.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from controller.flight.answers import answering, until
from controller.flight.compare import Commit, Decisions, commits, utterances
from controller.flight.kinds import Kind
from controller.flight.score import Input, Score
from controller.frames import FRAME_S, Pcm
from controller.messages import Clause, Delivery, Reason
from controller.observer import Observer
from controller.pipeline.conversation import Conversation, SpeechSettings
from controller.pipeline.leg import Leg
from controller.ticker import Tick
from controller.virtual_time import run

log = logging.getLogger(__name__)


@dataclass
class Replayed:
    """What a replay came to."""

    commits: list[Commit] = field(default_factory=list)
    """Every clause and delivery, those of the recording and those of the replay"""

    differences: list[str] = field(default_factory=list)
    """What else is not as it was, a sentence each"""

    @property
    def same(self) -> bool:
        return not self.differences and not any(one.difference for one in self.commits)


def replay(score: Score, speech: SpeechSettings) -> Replayed:
    """Play `score` again.

    Args:
        speech: how speakers are cut into utterances, and how listeners hear.
    """
    return run(_replay(score, speech), start=score.began)


async def _replay(score: Score, speech: SpeechSettings) -> Replayed:
    result = Replayed()
    tell = result.differences.append
    engines, recogniser = answering(score, tell)
    seen = _Seen()
    ticks = _Ticks()
    conversation = Conversation(
        str(score.about["call"]),
        engines,
        speech,
        ticks,
        seen,
        on_fault=lambda: tell("the tick failed, which ends a call"),
    )
    legs: dict[str, Leg] = {}
    for one in score.inputs:
        await until(one.moment)
        await _play(one, score, conversation, ticks, legs)
    await until(score.last)
    decided = seen.decisions(score)
    await conversation.close()
    result.commits = commits(Decisions(score.clauses, score.deliveries), decided)
    for speaker, then, now in recogniser.streams:
        result.differences.extend(utterances(speaker, then, now))
    return result


async def _play(one: Input, score: Score, conversation: Conversation, ticks: _Ticks, legs: dict[str, Leg]) -> None:
    match one.kind, *one.words:
        case Kind.TICK, due:
            ticks.tick(due)
        case Kind.FRAME, name, *_:
            for pcm in one.frames if name in legs else ():
                legs[name].push(pcm)
        case Kind.JOINED, name, language, candidates:
            legs[name] = conversation.join(name, language, _Outlet(name, score), tuple(candidates))
        case Kind.LEFT, name, reason:
            await conversation.leave(name, Reason(reason))
        case Kind.LEG, name, method, *arguments:
            if name in legs:
                getattr(legs[name], method)(*arguments)


class _Ticks:
    """Ticks when it is told to."""

    def __init__(self) -> None:
        self._ticks: dict[Tick, Callable[[], None] | None] = {}

    def add(self, tick: Tick, on_fault: Callable[[], None] | None = None) -> None:
        self._ticks[tick] = on_fault

    def remove(self, tick: Tick) -> None:
        self._ticks.pop(tick, None)

    def late_s(self, due: float) -> float:
        return 0.0  # how late it was is no part of what was decided

    def tick(self, due: float) -> None:
        for tick, on_fault in list(self._ticks.items()):
            try:
                tick(due)
            except Exception:  # as the real one does: a fault ends the call, and is worth a look
                log.exception("a tick failed")
                self.remove(tick)
                if on_fault is not None:
                    on_fault()


class _Outlet:
    """Takes everything but what was refused in the recording."""

    def __init__(self, name: str, score: Score) -> None:
        self._name = name
        self._refused = score.refused
        self._calls: Counter[str] = Counter()

    def send(self, pcm: Pcm) -> bool:
        return self._taken("send")

    def mark(self, name: str) -> bool:
        return self._taken("mark")

    def _taken(self, method: str) -> bool:
        self._calls[method] += 1
        return self._calls[method] - 1 not in self._refused.get((self._name, method), ())


class _Seen(Observer):
    """Keeps what is decided, and when."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._clauses: list[tuple[float, Clause]] = []
        self._deliveries: list[tuple[float, Delivery]] = []

    def clause(self, call: str, clause: Clause) -> None:
        self._clauses.append((self._loop.time(), clause))

    def delivered(self, call: str, delivery: Delivery) -> None:
        self._deliveries.append((self._loop.time(), delivery))

    def decisions(self, score: Score) -> Decisions:
        """So far. Where the recording was cut short, what its last frame led to may not be in it, and is left out."""
        until_s = math.inf if score.whole else score.ended - FRAME_S
        known = Decisions(score.clauses, score.deliveries).facts()
        return Decisions(
            [one for at, one in self._clauses if at < until_s or (one.id, "") in known],
            [one for at, one in self._deliveries if at < until_s or (one.clause.id, one.listener) in known],
        )
