"""All enrolments of a service: who calls to enrol is led through it, and its end is counted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from controller.engines.tts import Voice
from controller.enrolment.interview import Interview, Outcome
from controller.enrolment.line import Line
from controller.enrolment.sentences import Sentence
from controller.errors import EngineError
from controller.pbx.party import Party
from controller.telemetry.metrics import Registry
from controller.ticker import Ticker
from controller.voices.keeper import Keeper

log = logging.getLogger(__name__)

LONGEST_S: Final = 600.0
"""Of one enrolment: an open line that nobody speaks on holds a place."""


class Regret:
    """An interview that comes to nothing: no voices are kept here."""

    def __init__(self, line: Line) -> None:
        self.outcome = Outcome.NOT_KEPT
        self._line = line

    async def run(self) -> Outcome:
        try:
            await self._line.say(Sentence.NOT_KEPT)
        except EngineError as error:
            log.debug("that could not be told: %s", error)
        return self.outcome


class Enrolments:
    """What they need: a keeper of voices, a voice that asks, a clock."""

    def __init__(self, keeper: Keeper | None, voice: Voice, ticker: Ticker, metrics: Registry) -> None:
        """`keeper`: None where no voices are kept, which callers are told."""
        self._keeper = keeper
        self._voice = voice
        self._ticker = ticker
        self._ended = metrics.counter("dragoman_enrolments_total", "Enrolments by phone by how they ended", "outcome")
        self._ended.expect(Outcome)

    async def run(self, party: Party, number: str, language: str, over: Sequence[asyncio.Future[Any]]) -> None:
        """Lead one caller through it; once any of `over` is done it is given up, and nothing of it is kept.

        Args:
            party: who called; their frames come from now on.
            number: the caller's; empty when unknown.
        """
        line = Line(party, self._voice, language)
        interview = Interview(line, self._keeper, number) if self._keeper else Regret(line)
        broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._connected(party, line, broken):
            talking = asyncio.create_task(interview.run(), name="enrolment")
            either: list[asyncio.Future[Any]] = [talking, broken, *over]
            try:
                await asyncio.wait(either, timeout=LONGEST_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not talking.done():
                    talking.cancel()
                    await asyncio.wait([talking])
        if not talking.cancelled():
            talking.result()  # a fault is told by whoever runs this
        self._ended.add(interview.outcome.value)
        log.info("an enrolment from %s ended: %s", number or "an unknown number", interview.outcome.value)

    @contextmanager
    def _connected(self, party: Party, line: Line, broken: asyncio.Future[None]) -> Iterator[None]:
        """`broken`: done where the line cannot go on."""

        def give_up() -> None:
            if not broken.done():
                broken.set_result(None)

        line.on_taken_over = give_up
        party.start(lambda name, _: line)
        self._ticker.add(line.tick, give_up)
        try:
            yield
        finally:
            self._ticker.remove(line.tick)
