"""Three and more in one call, on the virtual clock: who hears whom and what, who comes late, who leaves early."""

from __future__ import annotations

import asyncio
import itertools

import numpy as np
import pytest

from controller.messages import Outcome, Reason
from tests.fakes.fake_call import bench, virtual
from tests.fakes.fake_engines import FakeVoice
from tests.fakes.fake_phone import SPEECH_LEVEL, FakePhone

VOICE = 5000


def heard(phone: FakePhone, begin_s: float, end_s: float) -> set[int]:
    """The peaks of the frames in that time."""
    return {peak for at, peak in phone.peaks() if begin_s < at < end_s}


@virtual
async def test_a_voice_in_ones_own_language_is_not_lowered_under_a_translation() -> None:
    async with bench(tts=FakeVoice(seconds=2.0)) as b:
        b.phone("a", "en", (1.0, 2.0), (3.2, 4.2))
        b.phone("b", "es", (3.2, 4.2))
        third = b.phone("c", "es")
        await asyncio.sleep(10)
        ducked = int(SPEECH_LEVEL * 10 ** (-24 / 20))
        assert heard(third, 3.5, 4.1) == {VOICE + SPEECH_LEVEL + ducked}


@virtual
async def test_three_languages_at_once_reach_each_listener_in_the_order_of_their_clauses() -> None:
    async with bench(tts=FakeVoice(seconds=1.5)) as b:
        phones = [
            b.phone("a", "en", (1.0, 2.0), (6.0, 7.0)),
            b.phone("b", "es", (1.3, 2.3), (6.3, 7.3)),
            b.phone("c", "fr", (1.6, 2.6), (6.6, 7.6)),
        ]
        await asyncio.sleep(25)
        assert {one.outcome for one in b.seen.deliveries} == {Outcome.PLAYED}
        for phone in phones:
            due = [one for one in b.seen.deliveries if one.listener == phone.leg.name]
            assert len(due) == 4
            ends = [one.clause.span.end_s for one in due]
            assert ends == sorted(ends)
            for one, following in itertools.pairwise(due):
                assert one.last_s is not None and following.first_s is not None
                assert following.first_s > one.last_s
            assert phone.leg.name not in {one.clause.speaker for one in due}


@virtual
async def test_who_joins_late_has_a_clock_that_begins_then_and_hears_what_is_said_from_then_on() -> None:
    async with bench() as b:
        b.phone("a", "en", (1.0, 2.0), (8.0, 9.0))
        b.phone("b", "es")
        await asyncio.sleep(5)
        late = b.phone("c", "fr", (6.0, 7.0))  # by its own clock
        await asyncio.sleep(12)
        assert {one.clause.id: one.outcome for one in b.seen.deliveries if one.listener == "c"} == {
            "a-2": Outcome.PLAYED
        }
        (clause,) = [one for one in b.seen.clauses if one.speaker == "c"]
        assert (clause.span.start_s, clause.span.end_s) == pytest.approx((11, 12), abs=0.3)
        capture = late.leg.orchestrator.capture
        assert not capture.filled and not capture.dropped, "nothing is filled in for the time before"
        assert {one.listener: one.outcome for one in b.seen.deliveries if one.clause is clause} == {
            "a": Outcome.PLAYED,
            "b": Outcome.PLAYED,
        }


@virtual
async def test_who_joins_while_a_clause_is_said_hears_its_translation() -> None:
    async with bench() as b:
        b.phone("a", "en", (1.0, 3.0))
        b.phone("b", "es")
        await asyncio.sleep(2)
        b.phone("c", "es")
        await asyncio.sleep(6)
        assert sorted((one.listener, one.outcome) for one in b.seen.deliveries) == [
            ("b", Outcome.PLAYED),
            ("c", Outcome.PLAYED),
        ]


@pytest.mark.parametrize("leaver", ["a", "b", "c"])
def test_whoever_leaves_at_any_moment_costs_the_others_only_what_is_theirs(leaver: str) -> None:
    def at(moment_s: float) -> None:
        @virtual
        async def one_call() -> None:
            async with bench() as b:
                phones = {
                    "a": b.phone("a", "en", (0.5, 1.5), (7.0, 8.0)),
                    "b": b.phone("b", "es", (0.8, 1.8), (7.0, 8.0)),
                    "c": b.phone("c", "fr", (7.0, 8.0)),
                }
                await asyncio.sleep(moment_s)
                phones[leaver].hang_up()
                await b.conversation.leave(leaver)
                await asyncio.sleep(14 - moment_s)
                for one in b.seen.deliveries:
                    if leaver not in (one.clause.speaker, one.listener):
                        assert one.reason is None
                    assert one.reason in (None, Reason.HANGUP)
                after = {(one.clause.speaker, one.listener) for one in b.seen.deliveries if one.clause.span.end_s > 7.5}
                rest = sorted(set(phones) - {leaver})
                assert after == set(itertools.permutations(rest, 2))

        one_call()

    for tenth in range(10, 50, 3):
        at(tenth / 10)


@virtual
async def test_many_loud_voices_at_once_do_not_clip() -> None:
    async with bench() as b:
        listener = b.phone("a", "en")
        for name in "bcdef":
            b.phone(name, "en", (1.0, 3.0)).level = 12000
        await asyncio.sleep(4)
        loudest = np.concatenate(
            [pcm for at, pcm in zip(listener.heard_at, listener.heard, strict=True) if 1.5 < at < 2.9]
        )
        assert np.abs(loudest.astype(int)).max() <= 32767
        assert loudest.min() > 30000


@virtual
async def test_a_name_is_used_once_in_a_call() -> None:
    async with bench() as b:
        b.phone("a", "en")
        with pytest.raises(ValueError, match="a name of its own"):
            b.phone("a", "es")
        await b.conversation.leave("a")
        with pytest.raises(ValueError, match="a name of its own"):
            b.phone("a", "es")
