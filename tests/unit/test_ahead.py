"""Work begun before its clause is one: taken over where the text is the one foreseen, given up otherwise, never heard
unless it was committed. Every work that was begun ends exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from controller.engines.tts.timbre import Timbre
from controller.errors import EngineError, EngineUnavailable
from controller.messages import Fate, Outcome, Reason, SpeechChunk
from controller.pipeline.ahead import MOST_CHUNKS, Ahead
from tests.fakes.fake_call import Bench, bench, virtual
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator, FakeVoice


def same(text: str) -> str:
    return text


@asynccontextmanager
async def foreseeing(
    draft: Callable[[str], str] = same,
    *,
    stt_s: float = 0.05,
    script: Sequence[str | EngineError] = (),
    mt: FakeTranslator | None = None,
    tts: FakeVoice | None = None,
) -> AsyncIterator[Bench]:
    """A call whose recogniser tells at a pause (140 ms) what it will say at the end (300 ms)."""
    async with bench(FakeRecogniser(stt_s, script, draft), mt or FakeTranslator(0.05), tts or FakeVoice(0.05)) as one:
        yield one
    fates = one.seen.fates
    for kind in ("mt", "tts"):
        ends = sum(fates[kind, fate.value] for fate in Fate if fate is not Fate.BEGUN)
        assert fates[kind, Fate.BEGUN] == ends, "a work that was begun ends once"


async def lag_ms(draft: Callable[[str], str] | None, stt_s: float, mt_s: float, tts_s: float) -> float:
    async with bench(FakeRecogniser(stt_s, draft=draft), FakeTranslator(mt_s), FakeVoice(tts_s)) as b:
        b.phone("a", "en", (1.0, 3.0))
        b.phone("b", "es")
        await asyncio.sleep(8)
        (delivery,) = b.seen.deliveries
        assert delivery.lag_ms is not None
        assert sum(delivery.stages_ms.values()) == pytest.approx(delivery.lag_ms)
        return delivery.lag_ms


@virtual
async def test_what_is_ready_at_the_end_takes_exactly_the_engines_time_off_the_lag() -> None:
    ordinary = await lag_ms(None, 0.05, 0.05, 0.05)
    assert ordinary == pytest.approx(300 + 150, abs=45)
    assert ordinary - await lag_ms(same, 0.05, 0.05, 0.05) == pytest.approx(150, abs=20)


@virtual
async def test_what_is_under_way_at_the_end_is_taken_over_where_it_stands() -> None:
    # Begun 140 ms after the voice: 140 + 50 + 100 + 300.
    assert await lag_ms(same, 0.05, 0.1, 0.3) == pytest.approx(590, abs=45)
    # The end comes while the translation runs.
    assert await lag_ms(same, 0.05, 0.4, 0.1) == pytest.approx(690, abs=45)


@virtual
async def test_one_who_goes_on_is_not_spoken_ahead_of() -> None:
    tts = FakeVoice(0.05)
    async with foreseeing(tts=tts, mt=FakeTranslator(0.01)) as b:
        b.phone("a", "en", (1.0, 2.0), (2.26, 3.0))
        b.phone("b", "es")
        await asyncio.sleep(6)
        assert [d.outcome for d in b.seen.deliveries] == [Outcome.PLAYED], "one clause: the pause was no end"
        assert b.seen.fates == {
            ("mt", Fate.BEGUN): 2,
            ("mt", Fate.USED): 1,
            ("mt", Fate.CANCELLED): 1,
            ("tts", Fate.BEGUN): 2,
            ("tts", Fate.USED): 1,
            ("tts", Fate.CANCELLED): 1,
        }
        assert tts.closed == 2, "the voice was stopped, not left to talk"


@virtual
async def test_another_text_than_foreseen_is_translated_and_spoken_as_if_nothing_had_been() -> None:
    mt, tts = FakeTranslator(0.05), FakeVoice(0.05)
    async with foreseeing(lambda text: f"almost {text}", mt=mt, tts=tts) as b:
        b.phone("a", "en", (1.0, 2.0))
        b.phone("b", "es")
        await asyncio.sleep(5)
        (delivery,) = b.seen.deliveries
        assert delivery.target == "es: heard 1"
        assert delivery.lag_ms == pytest.approx(300 + 50 + 50, abs=45)
        assert b.seen.fates["mt", Fate.CANCELLED] == b.seen.fates["tts", Fate.CANCELLED] == 1
        assert [text for text, _ in tts.asked] == ["es: almost heard 1", "es: heard 1"]


@virtual
async def test_context_is_the_same_with_and_without() -> None:
    async def contexts(draft: Callable[[str], str] | None) -> list[tuple[str, ...]]:
        mt = FakeTranslator(0.02)
        script = ["One. Two.", "Three.", "Four. Five. Six. Seven."]
        async with bench(FakeRecogniser(0.05, script, draft), mt, FakeVoice(0.05, 0.1)) as b:
            b.phone("a", "en", *[(i * 1.5, i * 1.5 + 0.8) for i in range(3)])
            b.phone("b", "es")
            await asyncio.sleep(9)
            assert len(b.seen.deliveries) == 7
        return mt.contexts

    assert await contexts(same) == await contexts(None)


@virtual
async def test_every_language_that_somebody_listens_in_is_begun() -> None:
    async with foreseeing() as b:
        b.phone("a", "en", (1.0, 2.0))
        for name, language in (("b", "es"), ("c", "fr"), ("d", "en")):
            b.phone(name, language)
        await asyncio.sleep(5)
        assert {d.language: round((d.lag_ms or 0) / 100) for d in b.seen.deliveries} == {"es": 3, "fr": 3}
        assert b.seen.fates["mt", Fate.USED] == b.seen.fates["tts", Fate.USED] == 2


@virtual
async def test_a_failure_of_work_begun_ahead_counts_for_nothing_and_the_ordinary_way_is_taken() -> None:
    class FailsFirst(FakeTranslator):
        async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
            first = not self.contexts
            translation = await super().translate(text, source, target, context)
            if first:
                raise EngineUnavailable("once", engine=self.name)
            return translation

    class BreaksOffOnce(FakeVoice):
        async def synthesize(
            self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
        ) -> AsyncGenerator[SpeechChunk, None]:
            self.fail_at_chunk = 1 if len(self.asked) == 1 else None
            async for chunk in super().synthesize(text, language, speed=speed, timbre=timbre):
                yield chunk

    async with foreseeing(mt=FailsFirst(0.05), tts=BreaksOffOnce(0.05)) as b:
        b.phone("a", "en", (1.0, 2.0), (4.0, 5.0))
        b.phone("b", "es")
        await asyncio.sleep(8)
        assert [d.outcome for d in b.seen.deliveries] == [Outcome.PLAYED] * 2
        assert b.seen.failures == []
        assert b.seen.fates["mt", Fate.FAILED] == b.seen.fates["tts", Fate.FAILED] == 1


@virtual
async def test_a_failure_of_work_taken_over_costs_its_clause_and_is_told() -> None:
    tts = FakeVoice(0.05, seconds=2.0, gap_s=0.1)
    tts.fail_at_chunk = 4
    async with foreseeing(tts=tts) as b:
        b.phone("a", "en", (1.0, 2.0))
        b.phone("b", "es")
        await asyncio.sleep(5)
        assert [d.reason for d in b.seen.deliveries] == [Reason.ENGINE_FAILED]
        assert [kind for kind, _ in b.seen.failures] == ["tts", "tts"], "at the whole, and at the rest"


@virtual
async def test_an_utterance_that_turns_out_to_be_nothing_leaves_nothing_running() -> None:
    mt, tts = FakeTranslator(0.01), FakeVoice(0.05)
    async with foreseeing(lambda _: "A cough.", script=[""], mt=mt, tts=tts) as b:
        b.phone("a", "en", (1.0, 2.0))
        b.phone("b", "es")
        await asyncio.sleep(5)
        assert b.seen.deliveries == []
        assert b.seen.fates["tts", Fate.CANCELLED] == tts.closed == 1


@virtual
async def test_a_hang_up_at_any_moment_leaves_nothing_running() -> None:
    for hundredth in range(200, 290, 3):
        tts = FakeVoice(0.05)
        async with foreseeing(tts=tts) as b:
            b.phone("a", "en", (1.0, 2.0))
            b.phone("b", "es", (1.1, 2.1))
            await asyncio.sleep(hundredth / 100)
        await asyncio.sleep(0)
        assert tts.closed == len(tts.asked)


@virtual
async def test_a_voice_that_nobody_listens_to_waits_with_a_few_chunks() -> None:
    tts = FakeVoice(0.05, seconds=10.0)
    ahead = Ahead(FakeTranslator(0.01), tts, lambda text, language: 1.0, lambda kind, fate: None)
    ahead.foresee(["Hello."], (), "en", ["es"])
    await asyncio.sleep(1.0)
    (sound,) = (work for _, work in ahead.voice.begun._works.values())
    assert sound._chunks.qsize() == MOST_CHUNKS
    assert tts.closed == 0
    pcm = [chunk.pcm async for chunk in ahead.voice.synthesize("es: Hello.", "es")]
    assert sum(map(len, pcm)) == 10.0 * 16_000
    assert tts.closed == 1


@virtual
async def test_work_that_had_failed_when_it_was_given_up_counts_as_failed() -> None:
    mt = FakeTranslator(0.01)
    mt.failing = True
    fates: list[tuple[str, Fate]] = []
    ahead = Ahead(mt, FakeVoice(), lambda text, language: 1.0, lambda kind, fate: fates.append((kind, fate)))
    ahead.foresee(["Hello."], (), "en", ["es"])
    await asyncio.sleep(0.1)
    ahead.settle()
    assert fates == [("mt", Fate.BEGUN), ("mt", Fate.FAILED)]
