"""Two and three people on the virtual clock, with scripted engines: lag, order, ducking and conservation."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence

import numpy as np
import pytest

from controller.audio.mix import Ducker
from controller.audio.vad import Endpointer
from controller.engines.tts.timbre import Timbre
from controller.errors import EngineTimeout
from controller.frames import FRAME_S, AudioFrame, Pcm
from controller.messages import Outcome, Reason, SpeechChunk, SpeechStarted, VoiceEvent
from controller.pipeline.conversation import GONE, Conversation, SpeechSettings
from controller.ticker import Ticker
from controller.virtual_time import run
from tests.fakes.fake_call import SPEECH, bench, virtual
from tests.fakes.fake_engines import FakeRecogniser, FakeStream, FakeTranslator, FakeVoice, fake_engines
from tests.fakes.fake_observer import RecordingObserver
from tests.fakes.fake_phone import BUFFERED_FRAMES, SPEECH_LEVEL, LoudDetector, tone_frame
from tests.quiet import quiet


@virtual
async def test_a_clause_is_heard_by_the_other_with_the_engines_delays_and_no_more() -> None:
    async with bench() as b:
        a, other = b.phone("a", "en", (1.0, 3.0)), b.phone("b", "es")
        await asyncio.sleep(8)
        (delivery,) = b.seen.deliveries
        assert (delivery.clause.text, delivery.target, delivery.listener) == ("heard 1", "es: heard 1", "b")
        assert delivery.outcome is Outcome.PLAYED
        assert delivery.clause.span.end_s == pytest.approx(3.0, abs=0.03)
        # endpoint 300 + stt 200 + mt 100 + tts 300, and at most a tick of waiting at either end
        assert delivery.lag_ms == pytest.approx(900, abs=45)
        assert sum(delivery.stages_ms.values()) == pytest.approx(delivery.lag_ms)
        assert delivery.stages_ms["queues"] == pytest.approx(0, abs=1)
        assert delivery.ear_s is not None and delivery.first_s is not None
        assert delivery.ear_s - delivery.first_s == pytest.approx(BUFFERED_FRAMES * FRAME_S, abs=0.001)
        first = next(at for at, peak in other.peaks() if peak == 5000)
        assert first == pytest.approx(delivery.first_s, abs=0.001)
        assert max(peak for _, peak in a.peaks()) == 0, "a hears neither itself nor its own translation"


@virtual
async def test_the_original_is_heard_at_once_and_ducked_only_under_the_translation() -> None:
    async with bench(tts=FakeVoice(seconds=2.0, level=0)) as b:
        b.phone("a", "en", (1.0, 3.0), (3.6, 9.0))
        other = b.phone("b", "es")
        await asyncio.sleep(9)
        peaks = other.peaks()
        before = [peak for at, peak in peaks if 1.2 < at < 2.9]
        under = [peak for at, peak in peaks if 4.2 < at < 5.7]
        after = [peak for at, peak in peaks if 6.2 < at < 8.9]
        assert set(before) == {SPEECH_LEVEL}
        assert set(under) == {int(SPEECH_LEVEL * 10 ** (-24 / 20))}
        assert set(after) == {SPEECH_LEVEL}
        delay = next(at for at, peak in peaks if peak) - 1.0
        assert delay <= 0.08, "the original is held back by a frame or two only"


@virtual
async def test_translations_for_one_listener_keep_their_order_and_never_overlap() -> None:
    async with bench(tts=FakeVoice(seconds=3.0)) as b:
        b.phone("a", "en", (0.5, 1.0), (1.5, 2.0), (2.5, 3.0))
        b.phone("c", "fr", (1.0, 1.4))
        b.phone("b", "es")
        await asyncio.sleep(25)
        played = [d for d in b.seen.deliveries if d.listener == "b"]
        assert [d.outcome for d in played] == [Outcome.PLAYED] * 4
        ends = [d.clause.span.end_s for d in played]
        assert ends == sorted(ends)
        for one, following in itertools.pairwise(played):
            assert one.last_s is not None and following.first_s is not None
            assert following.first_s > one.last_s


@virtual
async def test_two_who_share_a_language_hear_each_other_and_are_not_translated() -> None:
    async with bench() as b:
        b.phone("a", "en", (1.0, 2.0))
        twin, spanish = b.phone("b", "en"), b.phone("c", "es")
        await asyncio.sleep(6)
        assert [d.listener for d in b.seen.deliveries] == ["c"]
        assert max(peak for _, peak in twin.peaks()) == SPEECH_LEVEL
        assert max(peak for _, peak in spanish.peaks()) > SPEECH_LEVEL


@virtual
async def test_one_translation_serves_every_listener_of_a_language() -> None:
    mt, tts = FakeTranslator(), FakeVoice()
    async with bench(mt=mt, tts=tts) as b:
        b.phone("a", "en", (1.0, 2.0))
        b.phone("b", "es")
        b.phone("c", "es")
        await asyncio.sleep(6)
        assert sorted(d.listener for d in b.seen.deliveries) == ["b", "c"]
        assert len(mt.contexts) == tts.closed == 1


@virtual
async def test_a_hang_up_at_any_moment_leaves_nothing_unaccounted() -> None:
    outcomes: Counter[str] = Counter()
    for tenth in range(5, 70, 3):
        async with bench() as b:
            b.phone("a", "en", (0.5, 1.5), (2.0, 2.5))
            b.phone("b", "es", (1.0, 1.8))
            await asyncio.sleep(tenth / 10)
        outcomes.update(d.outcome if d.reason is None else d.reason for d in b.seen.deliveries)
    assert outcomes[Outcome.PLAYED] > 0
    assert outcomes[Reason.HANGUP] > 0
    assert set(outcomes) == {Outcome.PLAYED, Reason.HANGUP}


@virtual
async def test_one_of_three_leaves_and_the_others_go_on() -> None:
    async with bench(tts=FakeVoice(seconds=1.0, gap_s=0.5)) as b:
        a = b.phone("a", "en", (0.5, 1.0))
        b.phone("b", "es")
        b.phone("c", "fr", (4.0, 5.0))
        await asyncio.sleep(2.0)  # a's translation is half synthesised
        a.hang_up()
        await b.conversation.leave("a")
        await asyncio.sleep(8)
        by_reason = {(d.clause.speaker, d.listener): d.reason for d in b.seen.deliveries}
        assert by_reason == {
            ("a", "b"): Reason.HANGUP,
            ("a", "c"): Reason.HANGUP,
            ("c", "b"): None,
        }


@virtual
async def test_a_failing_translator_costs_its_clause_and_the_original_stays_undimmed() -> None:
    mt = FakeTranslator()
    mt.failing = True
    async with bench(mt=mt) as b:
        b.phone("a", "en", (1.0, 2.0), (3.0, 4.0))
        other = b.phone("b", "es")
        await asyncio.sleep(2.9)
        mt.failing = False
        await asyncio.sleep(5)
        first, second = b.seen.deliveries
        assert (first.outcome, first.reason) == (Outcome.DROPPED, Reason.ENGINE_FAILED)
        assert second.outcome is Outcome.PLAYED
        assert {peak for at, peak in other.peaks() if 1.2 < at < 1.9} == {SPEECH_LEVEL}
        assert [kind for kind, _ in b.seen.failures] == ["mt"]


@virtual
async def test_a_voice_that_breaks_off_ends_its_delivery_once_and_the_next_one_plays() -> None:
    tts = FakeVoice(seconds=2.0, gap_s=0.05)
    tts.fail_at_chunk = 3
    async with bench(tts=tts) as b:
        b.phone("a", "en", (1.0, 2.0), (4.5, 5.5))
        b.phone("b", "es")
        await asyncio.sleep(4)
        tts.fail_at_chunk = None
        await asyncio.sleep(6)
        assert [d.reason for d in b.seen.deliveries] == [Reason.ENGINE_FAILED, None]


@virtual
async def test_an_utterance_that_the_recogniser_loses_is_told_and_the_next_is_heard() -> None:
    stt = FakeRecogniser(script=[EngineTimeout("no answer", engine="fake-stt"), "second"])
    async with bench(stt=stt) as b:
        b.phone("a", "en", (1.0, 2.0), (3.0, 4.0))
        b.phone("b", "es")
        await asyncio.sleep(7)
        assert [d.clause.text for d in b.seen.deliveries] == ["second"]
        assert [kind for kind, _ in b.seen.failures] == ["stt"]


@virtual
async def test_a_backlog_beyond_the_queue_is_dropped_with_its_reason() -> None:
    mt = FakeTranslator(delay_s=1000)
    async with bench(mt=mt) as b:
        b.phone("a", "en", *[(i * 0.8, i * 0.8 + 0.3) for i in range(40)])
        b.phone("b", "es")
        await asyncio.sleep(40)
        assert Counter(d.reason for d in b.seen.deliveries)[Reason.BACKLOG] == 40 - 1 - 32


@virtual
async def test_missing_frames_are_filled_and_every_frame_is_accounted_for() -> None:
    async with bench() as b:
        a = b.phone("a", "en")
        b.phone("b", "es")
        await asyncio.sleep(2)
        a.hang_up()  # the phone falls silent without a word, as with DTX or hold
        await asyncio.sleep(2)
        capture = a.leg.orchestrator.capture
        assert capture.filled == pytest.approx(97, abs=2)
        assert capture.arrived == pytest.approx(101, abs=2)
        assert not capture.dropped
        for _ in range(200):
            a.leg.push(a.heard[0])
        await asyncio.sleep(0.1)
        assert capture.dropped["overflow"] == 150
        assert capture.dropped["late"] == pytest.approx(46, abs=2)


@virtual
async def test_of_a_late_burst_the_newest_frames_are_kept() -> None:
    taken: list[tuple[str, AudioFrame]] = []
    async with bench(tap=lambda name, frame: taken.append((name, frame))) as b:
        a = b.phone("a", "en")
        b.phone("b", "es")
        await asyncio.sleep(1)
        a.hang_up()
        await asyncio.sleep(0.5)
        start = len(taken)
        for number in range(1, 21):
            a.leg.push(tone_frame(number))
        await asyncio.sleep(0.02)
        loud = [int(frame.pcm[0]) for name, frame in taken[start:] if name == "a" and frame.pcm.any()]
        assert loud == list(range(21 - len(loud), 21))
        assert 3 <= len(loud) <= 6


@virtual
async def test_a_frame_on_time_is_taken_in_at_once_and_has_its_place_before_what_comes_too_much() -> None:
    taken: list[int] = []
    async with bench(tap=lambda name, frame: taken.append(int(frame.pcm[0]))) as b:
        await asyncio.sleep(0.01)
        leg = b.conversation.join("a", "en", Deaf())
        leg.push(tone_frame(1))
        assert taken == [1]
        for number in range(2, 6):
            leg.push(tone_frame(number))
        assert taken == [1, 2], "nothing was missing: there is a place for the one that is due and for an early one"
        await asyncio.sleep(0.001)
        assert leg.orchestrator.capture.dropped == {"late": 3}
        await asyncio.sleep(0.02)
        leg.push(tone_frame(6))
        assert taken == [1, 2, 6], "what came too much does not make what follows lag"


@virtual
async def test_what_another_call_takes_makes_a_tick_late_though_the_loops_clock_stands_still() -> None:
    class Seen(RecordingObserver):
        def ticked(self, call: str, late_s: float, work_s: float, frames_in: int, frames_dropped: int) -> None:
            late.append(late_s)

    late: list[float] = []
    ticker = Ticker()
    ticker.add(lambda due: time.sleep(0.003))
    call = Conversation("call", fake_engines(), SPEECH, ticker, Seen())
    ticking = asyncio.create_task(ticker.run())
    await asyncio.sleep(0.1)
    await call.close()
    ticking.cancel()
    assert late and min(late) >= 0.003


class Deaf:
    """An outlet that takes everything."""

    def send(self, pcm: Pcm) -> bool:
        return True

    def mark(self, name: str) -> bool:
        return True


@virtual
async def test_a_fault_in_a_speakers_stages_costs_what_they_had_in_hand() -> None:
    class Faulty(FakeTranslator):
        async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
            if text == "heard 1" and not self.contexts:
                self.contexts.append(())
                raise KeyError("a bug")
            return await super().translate(text, source, target, context)

    with quiet("controller.pipeline.conversation"):
        async with bench(mt=Faulty()) as b:
            b.phone("a", "en", (1.0, 2.0), (4.0, 5.0))
            b.phone("b", "es")
            await asyncio.sleep(8)
            assert [d.reason for d in b.seen.deliveries] == [Reason.RESTART, None]


@virtual
async def test_a_fault_in_the_tick_is_told_so_that_the_call_can_end() -> None:
    told: list[bool] = []
    speech = SpeechSettings(lambda: Endpointer(LoudDetector()), Ducker)
    ticker = Ticker()
    call = Conversation("call", fake_engines(), speech, ticker, RecordingObserver(), on_fault=lambda: told.append(True))

    class Broken:
        def send(self, pcm: Pcm) -> bool:
            raise ValueError("a bug in an outlet")

        def mark(self, name: str) -> bool:
            return False

    call.join("a", "en", Broken())
    ticking = asyncio.create_task(ticker.run())
    with quiet("controller.ticker"):
        await asyncio.sleep(0.1)
    assert told == [True]
    await call.close()
    ticking.cancel()


@virtual
async def test_context_is_what_the_speaker_said_before() -> None:
    mt = FakeTranslator()
    async with bench(mt=mt) as b:
        b.phone("a", "en", *[(i * 1.0, i * 1.0 + 0.5) for i in range(5)])
        b.phone("b", "es")
        await asyncio.sleep(9)
        assert mt.contexts[0] == ()
        assert mt.contexts[-1] == ("heard 2", "heard 3", "heard 4")


@virtual
async def test_a_fault_while_frames_are_taken_in_is_told_once_so_that_the_call_can_end() -> None:
    told: list[bool] = []

    def tap(name: str, frame: AudioFrame) -> None:
        raise ValueError("a bug in a tap")

    ticker, seen = Ticker(), RecordingObserver()
    call = Conversation("call", fake_engines(), SPEECH, ticker, seen, tap, on_fault=lambda: told.append(True))
    a, b = call.join("a", "en", Deaf()), call.join("b", "es", Deaf())
    with quiet("controller.pipeline.leg"):
        for _ in range(3):
            a.push(tone_frame())
            b.push(tone_frame())
            await asyncio.sleep(0.001)
    assert told == [True]
    assert not any(ticker._slices), "nothing is ticked any more"
    await call.close()


@virtual
async def test_those_who_have_left_cost_nothing_and_their_frames_still_count() -> None:
    async with bench() as b:
        phone = b.phone("a", "en")
        for number in range(GONE + 20):
            guest = b.phone(f"guest-{number}", "es")
            await asyncio.sleep(0.1)
            guest.hang_up()
            await b.conversation.leave(f"guest-{number}")
        guest_frames = sum(one.arrived for one in b.conversation.gone)
        assert len(b.conversation.gone) == GONE
        assert b.conversation._frames_seen[0] > guest_frames + phone.leg.figures().arrived
        assert b.conversation.joined == GONE + 21
        with pytest.raises(ValueError, match="is or was"):
            b.phone("guest-0", "es")


@pytest.mark.parametrize(("chunks", "outcome"), [(0, Reason.TOO_SHORT), (3, None)])
def test_a_voice_that_ends_without_a_last_chunk_leaves_nothing_open(chunks: int, outcome: Reason | None) -> None:
    class Endless(FakeVoice):
        async def synthesize(
            self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
        ) -> AsyncGenerator[SpeechChunk, None]:
            for _ in range(chunks):
                yield SpeechChunk(np.full(3200, self.level, np.int16), last=False)

    async def main() -> None:
        async with bench(tts=Endless()) as b:
            b.phone("a", "en", (1.0, 2.0))
            b.phone("b", "es")
            await asyncio.sleep(6)
            assert [one.reason for one in b.seen.deliveries] == [outcome]

    run(main())


@virtual
async def test_a_recogniser_that_is_started_again_in_mid_utterance_begins_with_the_next_one() -> None:
    class FailsOnce(FakeRecogniser):
        def open(self, speaker: str, language: str, now: Callable[[], float]) -> FakeStream:
            stream = super().open(speaker, language, now)
            take = stream.push

            def push(event: VoiceEvent) -> None:
                if stream is self.streams[0] and isinstance(event, AudioFrame) and len(stream.events) > 20:
                    raise ValueError("a bug in a recogniser")
                take(event)

            stream.push = push  # type: ignore[method-assign]
            return stream

    stt = FailsOnce()
    with quiet("controller.pipeline.conversation"), quiet("controller.pipeline.recognition"):
        async with bench(stt=stt) as b:
            b.phone("a", "en", (1.0, 4.0), (6.0, 7.0))
            await asyncio.sleep(9)
        assert len(stt.streams) == 2
        assert isinstance(stt.streams[1].events[0], SpeechStarted)
        assert stt.streams[1].events[0].index == pytest.approx(300, abs=15)
