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
from controller.pbx.party import Party
from controller.telemetry.metrics import Registry
from controller.ticker import Ticker
from controller.voices.keeper import Keeper

log = logging.getLogger(__name__)

LONGEST_S: Final = 600.0
"""Of one enrolment: an open line that nobody speaks on holds a place."""


class Enrolments:
    """What they need: a keeper of voices, a voice that asks, a clock."""

    def __init__(self, keeper: Keeper, voice: Voice, ticker: Ticker, metrics: Registry) -> None:
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
        outcome = Outcome.HUNG_UP
        broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._connected(party, line, broken):
            interview = asyncio.create_task(Interview(line, self._keeper, number).run(), name="enrolment")
            either: list[asyncio.Future[Any]] = [interview, broken, *over]
            try:
                await asyncio.wait(either, timeout=LONGEST_S, return_when=asyncio.FIRST_COMPLETED)
                if interview.done():
                    outcome = interview.result()
            finally:
                interview.cancel()
                await asyncio.wait([interview])
        self._ended.add(outcome.value)
        log.info("an enrolment from %s ended: %s", number or "an unknown number", outcome.value)

    @contextmanager
    def _connected(self, party: Party, line: Line, broken: asyncio.Future[None]) -> Iterator[None]:
        """`broken`: done where the line cannot go on."""
        party.start(lambda name, _: line)
        self._ticker.add(line.tick, lambda: broken.set_result(None))
        try:
            yield
        finally:
            self._ticker.remove(line.tick)
