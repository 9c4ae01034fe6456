"""A listener who falls behind: text waits as text, is spoken faster, and the oldest of it goes when it is too much."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator

import pytest

from controller.engines.tts.timbre import Timbre
from controller.messages import Clause, Outcome, Reason, Span, SpeechChunk, Translation
from controller.pipeline.ledger import Ledger
from controller.pipeline.pace import AHEAD_S, CAP_S, FASTEST, LONG_S, Pace
from tests.fakes.fake_call import Bench, bench, virtual
from tests.fakes.fake_engines import FakeRecogniser, FakeVoice

TEXT = "x" * 40


class LongVoice(FakeVoice):
    """Takes as long as the text: 0.1 s a character, the language's tag in front of it left out."""

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        self.seconds = (len(text) - 4) * 0.1
        async for chunk in super().synthesize(text, language, speed=speed, timbre=timbre):
            yield chunk


def played(b: Bench, listener: str = "b") -> list[str]:
    return [d.clause.id for d in b.seen.deliveries if d.listener == listener and d.outcome is Outcome.PLAYED]


@virtual
async def test_text_waits_until_its_listener_has_little_left_to_hear() -> None:
    tts = FakeVoice(0.1, seconds=4.0)
    async with bench(tts=tts) as b:
        b.phone("a", "en", *[(i * 1.0, i * 1.0 + 0.4) for i in range(3)])
        other = b.phone("b", "es")
        left = []
        asked = 0
        for _ in range(1500):
            before = other.leg.playback.backlog_s
            await asyncio.sleep(0.01)
            if len(tts.asked) > asked:
                asked = len(tts.asked)
                left.append(before)
        assert left[0] == 0
        assert all(AHEAD_S - 0.15 <= seconds <= AHEAD_S + 0.05 for seconds in left[1:])
        first, second, third = b.seen.deliveries
        for one, following in ((first, second), (second, third)):
            assert following.first_s is not None and one.last_s is not None
            assert following.first_s - one.last_s == pytest.approx(0.02, abs=0.021), "no gap between them"


@virtual
async def test_one_who_is_behind_hears_faster_speech_and_normal_speech_again_when_they_are_not() -> None:
    tts = FakeVoice(0.1, seconds=3.0)
    async with bench(tts=tts) as b:
        b.phone("a", "en", *[(i * 1.5, i * 1.5 + 0.6) for i in range(5)], (30.0, 31.0))
        b.phone("b", "es")
        await asyncio.sleep(36)
        speeds = [speed for _, speed in tts.asked]
        assert speeds[0] == 1.0
        assert max(speeds) == FASTEST
        assert speeds[-1] == 1.0
        assert len(played(b)) == 6


@virtual
async def test_a_long_translation_is_spoken_a_little_faster_by_itself() -> None:
    async def speed(seconds: float) -> float:
        tts = LongVoice(0.1)
        async with bench(FakeRecogniser(script=["x" * round(seconds * 10)] * 4), tts=tts) as b:
            b.phone("a", "en", *[(i * 20.0, i * 20.0 + 1) for i in range(4)])
            b.phone("b", "es")
            await asyncio.sleep(80)
        return tts.asked[-1][1]

    assert await speed(LONG_S - 1) == 1.0
    assert 1.0 < await speed(LONG_S + 4) <= FASTEST


@virtual
async def test_past_the_cap_the_oldest_text_goes_and_what_was_begun_is_heard_to_its_end() -> None:
    async with bench(FakeRecogniser(0.1, [TEXT] * 12), tts=LongVoice(0.1)) as b:
        b.phone("a", "en", *[(i * 0.8, i * 0.8 + 0.3) for i in range(12)])
        b.phone("b", "es")
        worst = 0.0
        for _ in range(400):
            await asyncio.sleep(0.1)
            worst = max(worst, b.conversation.backlog_s)
        reasons = Counter(d.reason for d in b.seen.deliveries)
        assert reasons.keys() == {None, Reason.BACKLOG}
        assert reasons[Reason.BACKLOG] >= 3
        assert worst <= CAP_S + 0.1
        heard = [int(one.split("-")[1]) for one in played(b)]
        dropped = [int(d.clause.id.split("-")[1]) for d in b.seen.deliveries if d.reason is Reason.BACKLOG]
        assert heard[0] == 1, "what was begun is heard"
        assert heard[-3:] == [10, 11, 12], "the latest are never dropped"
        assert dropped == sorted(dropped), "always the oldest"
        assert max(d.lag_ms or 0 for d in b.seen.deliveries) < (CAP_S + 1) * 1000


@virtual
async def test_the_backlog_counts_text_that_is_not_spoken_yet() -> None:
    async with bench(FakeRecogniser(0.1, [TEXT] * 3), tts=LongVoice(0.1)) as b:
        b.phone("a", "en", *[(i * 0.8, i * 0.8 + 0.3) for i in range(3)])
        other = b.phone("b", "es")
        await asyncio.sleep(3.0)
        assert other.leg.playback.backlog_s < 4.0
        assert b.conversation.backlogs_s()["b"] > 5.0
        assert b.conversation.backlogs_s()["a"] == 0.0
        await asyncio.sleep(15)
        assert b.conversation.backlog_s == 0.0


@virtual
async def test_one_who_asked_for_slower_is_never_hurried_and_the_others_are() -> None:
    tts = FakeVoice(0.1, seconds=2.5)
    async with bench(tts=tts) as b:
        b.phone("a", "en", *[(i * 1.5, i * 1.5 + 0.6) for i in range(4)])
        b.phone("b", "es")
        slow = b.phone("c", "es")
        slow.leg.preferences.slow = True
        await asyncio.sleep(30)
        speeds = Counter(speed for _, speed in tts.asked)
        assert speeds[0.8] == 4
        assert sum(speeds.values()) == 8
        assert max(speeds) > 1.0
        assert len(played(b, "b")) == len(played(b, "c")) == 4


def test_two_texts_never_wait_for_each_other() -> None:
    ledger = Ledger(lambda delivery: None)
    pace = Pace(ledger, lambda names: [])
    clauses = [Clause(f"{speaker}-{end}", speaker, "", Span(0, end), "en") for speaker, end in (("a", 5), ("c", 4.5))]
    clauses.append(Clause("a-4", "a", "", Span(0, 4), "en"))  # in its queue behind the one that ended later
    for clause in clauses:
        ledger.open(clause, "b", "es", {})
        ledger.translated(Translation(clause, "es", "x", "mt"))
    assert [pace.wait_s(clause, ["b"]) > 0 for clause in clauses[:2]] == [True, False]


@virtual
async def test_two_speakers_texts_for_one_listener_are_spoken_by_clause_end() -> None:
    tts = FakeVoice(0.1, seconds=3.0)
    async with bench(tts=tts) as b:
        b.phone("a", "en", (0.5, 1.0), (2.5, 3.0), (4.5, 5.0))
        b.phone("c", "fr", (1.5, 2.0), (3.5, 4.0))
        b.phone("b", "es")
        await asyncio.sleep(30)
        assert played(b) == ["a-1", "c-1", "a-2", "c-2", "a-3"]
