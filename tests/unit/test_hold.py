"""One of the participants puts the call on hold: what their line plays is no speech, and what they miss waits."""

from __future__ import annotations

import asyncio

import pytest

from controller.messages import Outcome, Reason
from tests.fakes.fake_call import bench, virtual
from tests.fakes.fake_engines import FakeVoice
from tests.fakes.fake_phone import SPEECH_LEVEL

VOICE = 5000


@virtual
async def test_music_from_a_held_line_is_heard_by_the_other_and_makes_no_clause() -> None:
    async with bench() as b:
        a, other = b.phone("a", "en", (1.0, 2.0), (3.0, 8.0), (9.0, 10.0)), b.phone("b", "es")
        await asyncio.sleep(2.9)
        a.leg.held(True)
        await asyncio.sleep(5.6)
        a.leg.held(False)
        await asyncio.sleep(5)
        assert [round(one.span.start_s) for one in b.seen.clauses] == [1, 9]
        assert {peak for at, peak in other.peaks() if 5 < at < 7.9} == {SPEECH_LEVEL}
        capture = a.leg.orchestrator.capture
        assert capture.dropped["hold"] == pytest.approx(5.6 * 50, abs=2)
        assert not capture.filled, "the clock went on"


@virtual
async def test_an_utterance_under_way_ends_where_the_hold_begins() -> None:
    async with bench() as b:
        a, _ = b.phone("a", "en", (1.0, 6.0)), b.phone("b", "es")
        await asyncio.sleep(3)
        a.leg.held(True)
        await asyncio.sleep(5)
        (clause,) = b.seen.clauses
        assert clause.span.end_s == pytest.approx(3, abs=0.05)
        assert [one.outcome for one in b.seen.deliveries] == [Outcome.PLAYED]


@virtual
async def test_what_came_during_a_short_hold_is_heard_after_it() -> None:
    async with bench(tts=FakeVoice(seconds=1.0)) as b:
        b.phone("a", "en", (1.0, 2.0))
        other = b.phone("b", "es")
        await asyncio.sleep(1.5)
        other.leg.held(True)
        await asyncio.sleep(4.5)
        assert not b.seen.deliveries
        assert VOICE not in {peak for _, peak in other.peaks()}
        other.leg.held(False)
        await asyncio.sleep(2)
        (delivery,) = b.seen.deliveries
        assert delivery.first_s == pytest.approx(6, abs=0.05)
        assert sum(peak == VOICE for _, peak in other.peaks()) == 50


@virtual
async def test_after_a_long_hold_only_what_is_fresh_is_heard() -> None:
    async with bench() as b:
        b.phone("a", "en", (1.0, 2.0), (3.0, 4.0), (20.0, 21.0))
        other = b.phone("b", "es")
        other.leg.held(True)
        await asyncio.sleep(22)
        assert [one.reason for one in b.seen.deliveries] == [Reason.DEADLINE] * 2
        other.leg.held(False)
        await asyncio.sleep(3)
        assert [one.outcome for one in b.seen.deliveries[2:]] == [Outcome.PLAYED]
