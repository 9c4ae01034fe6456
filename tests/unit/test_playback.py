"""One listener's playback: chunks of any size become whole frames, in order, and each delivery ends once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.audio.mix import Ducker
from controller.frames import FRAME_S, FRAME_SAMPLES, Pcm
from controller.messages import Clause, Delivery, Outcome, Reason, Span, SpeechChunk
from controller.pipeline.ledger import Ledger
from controller.pipeline.playback import MARK_S, STALE_S, Playback


class Listener:
    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.ledger = Ledger(self.deliveries.append)
        self.playback = Playback("b", self.ledger, Ducker())
        self.heard: list[Pcm] = []
        self.takes = True
        self.marks: list[tuple[int, str]] = []
        """Frames heard before each mark was asked for, and its name."""
        self.depth = 2
        """After how many further frames a mark comes back."""
        self.takes_marks = True

    def clause(self, number: int, end_s: float) -> Clause:
        clause = Clause(f"a-{number}", "a", "text", Span(end_s - 1, end_s), "en")
        self.ledger.open(clause, "b", "es", {})
        return clause

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            now_s = len(self.heard) * FRAME_S
            for at, name in self.marks:
                if at + self.depth == len(self.heard):
                    self.playback.reached(name, now_s)
            self.playback.tick([], now_s, self)

    def mark(self, name: str) -> bool:
        self.marks.append((len(self.heard), name))
        return self.takes_marks

    def send(self, pcm: Pcm) -> bool:
        self.heard.append(pcm)
        return self.takes

    def samples(self) -> Pcm:
        return np.concatenate(self.heard) if self.heard else np.zeros(0, np.int16)


@given(st.lists(st.integers(0, 1500), max_size=12), st.integers(0, 3))
def test_every_sample_is_played_once_and_in_order(sizes: list[int], ticks_between: int) -> None:
    listener = Listener()
    utterance = listener.playback.begin(listener.clause(1, 1.0))
    total = sum(sizes)
    sound = (np.arange(total) % 1000 + 1).astype(np.int16)
    start = 0
    for size in sizes:
        utterance.feed(SpeechChunk(sound[start : start + size], last=False))
        start += size
        listener.tick(ticks_between)
    utterance.feed(SpeechChunk(sound[:0], last=True))
    listener.tick(total // FRAME_SAMPLES + 2 + listener.depth)
    heard = listener.samples()
    assert np.array_equal(heard[heard != 0], sound)
    (delivery,) = listener.deliveries
    if total:
        assert delivery.outcome is Outcome.PLAYED
    else:
        assert delivery.reason is Reason.TOO_SHORT


def test_a_translation_still_being_made_is_not_overtaken() -> None:
    listener = Listener()
    first = listener.playback.begin(listener.clause(1, 1.0))
    second = listener.playback.begin(listener.clause(2, 2.0))
    first.feed(SpeechChunk(np.full(FRAME_SAMPLES, 1, np.int16), last=False))
    second.feed(SpeechChunk(np.full(FRAME_SAMPLES, 2, np.int16), last=True))
    listener.tick(3)
    first.feed(SpeechChunk(np.full(FRAME_SAMPLES, 1, np.int16), last=True))
    listener.tick(2 + listener.depth + 1)
    assert [int(frame[0]) for frame in listener.heard[:5]] == [1, 0, 0, 1, 2]
    assert [delivery.clause.id for delivery in listener.deliveries] == ["a-1", "a-2"]


def test_an_earlier_clause_goes_before_a_later_one_that_has_not_started() -> None:
    listener = Listener()
    for number, end_s in ((1, 1.0), (3, 3.0), (2, 2.0)):
        utterance = listener.playback.begin(listener.clause(number, end_s))
        utterance.feed(SpeechChunk(np.full(FRAME_SAMPLES, number, np.int16), last=True))
    listener.tick(3)
    assert [int(frame[0]) for frame in listener.heard] == [1, 2, 3]


def test_abandoned_before_its_end_it_makes_room() -> None:
    listener = Listener()
    first = listener.playback.begin(listener.clause(1, 1.0))
    second = listener.playback.begin(listener.clause(2, 2.0))
    first.feed(SpeechChunk(np.full(3 * FRAME_SAMPLES, 1, np.int16), last=False))
    second.feed(SpeechChunk(np.full(FRAME_SAMPLES, 2, np.int16), last=True))
    listener.tick()
    first.abandon(Reason.ENGINE_FAILED)
    second.abandon(Reason.ENGINE_FAILED)  # complete: nothing more is needed of its speaker
    listener.tick(1 + listener.depth + 1)
    assert [int(frame[0]) for frame in listener.heard[:2]] == [1, 2]
    assert [delivery.reason for delivery in listener.deliveries] == [Reason.ENGINE_FAILED, None]


def test_a_flush_drops_all_that_waits() -> None:
    listener = Listener()
    for number in (1, 2):
        utterance = listener.playback.begin(listener.clause(number, float(number)))
        utterance.feed(SpeechChunk(np.ones(5 * FRAME_SAMPLES, np.int16), last=True))
    listener.tick(2)
    assert listener.playback.backlog_s == 8 * FRAME_S
    listener.playback.flush(Reason.FLUSHED)
    listener.tick(2)
    assert [delivery.reason for delivery in listener.deliveries] == [Reason.FLUSHED, Reason.FLUSHED]
    assert not listener.samples()[2 * FRAME_SAMPLES :].any()


def test_what_the_media_channel_refuses_was_not_played() -> None:
    listener = Listener()
    utterance = listener.playback.begin(listener.clause(1, 1.0))
    utterance.feed(SpeechChunk(np.ones(10 * FRAME_SAMPLES, np.int16), last=True))
    listener.takes = False
    listener.tick(8)
    listener.takes = True
    listener.tick(3)
    (delivery,) = listener.deliveries
    assert delivery.reason is Reason.MEDIA_LOST
    assert delivery.first_s == 8 * FRAME_S, "the first sample that the channel took"


def test_the_ear_is_when_the_mark_before_the_first_sample_comes_back() -> None:
    listener = Listener()
    listener.tick(3)
    for number in (1, 2):
        utterance = listener.playback.begin(listener.clause(number, float(number)))
        utterance.feed(SpeechChunk(np.ones(4 * FRAME_SAMPLES, np.int16), last=True))
    listener.tick(2)
    listener.playback.reached("nonesuch", 0.5)
    listener.tick(12)
    assert listener.marks == [(3, "a-1.0"), (7, "a-1.end"), (7, "a-2.0"), (11, "a-2.end")]
    ears = [delivery.ear_s for delivery in listener.deliveries]
    assert ears == pytest.approx([(first + listener.depth) * FRAME_S for first in (3, 7)])


def test_a_mark_of_a_refused_frame_is_not_the_ear() -> None:
    listener = Listener()
    utterance = listener.playback.begin(listener.clause(1, 1.0))
    utterance.feed(SpeechChunk(np.ones(10 * FRAME_SAMPLES, np.int16), last=True))
    listener.takes = False
    listener.tick(2)
    listener.takes = True
    listener.tick(12)
    (delivery,) = listener.deliveries
    assert (delivery.first_s, delivery.ear_s) == (2 * FRAME_S, (2 + listener.depth) * FRAME_S)


def speak(listener: Listener, number: int, frames: int = 5) -> None:
    utterance = listener.playback.begin(listener.clause(number, float(number)))
    utterance.feed(SpeechChunk(np.full(frames * FRAME_SAMPLES, number, np.int16), last=True))


def test_it_is_played_when_the_mark_behind_its_last_frame_is_back() -> None:
    listener = Listener()
    speak(listener, 1)
    listener.tick(5 + listener.depth)
    assert listener.deliveries == [], "handed over, and not yet heard"
    listener.tick()
    (delivery,) = listener.deliveries
    assert delivery.outcome is Outcome.PLAYED
    assert delivery.last_s == 4 * FRAME_S, "the hand-over of the last frame"


def test_without_its_last_mark_it_is_lost_and_no_sooner_than_the_channel_may_take() -> None:
    listener = Listener()
    listener.depth = 10_000
    speak(listener, 1)
    speak(listener, 2)
    listener.tick(5 + round(MARK_S / FRAME_S))
    assert listener.deliveries == []
    listener.tick(2)
    assert [(one.clause.id, one.reason) for one in listener.deliveries] == [("a-1", Reason.MEDIA_LOST)]
    listener.playback.reached("a-1.end", 9.0)
    listener.playback.reached("a-2.end", 9.0)
    assert [one.reason for one in listener.deliveries] == [Reason.MEDIA_LOST, None], "a late mark changes nothing"


def test_where_no_mark_can_be_asked_for_nobody_knows_that_it_was_heard() -> None:
    listener = Listener()
    listener.takes_marks = False
    speak(listener, 1)
    listener.tick(6)
    assert [one.reason for one in listener.deliveries] == [Reason.MEDIA_LOST]


def test_what_is_handed_over_whole_cannot_be_flushed() -> None:
    listener = Listener()
    speak(listener, 1)
    speak(listener, 2)
    listener.tick(6)
    listener.playback.flush(Reason.FLUSHED)
    listener.tick(listener.depth)
    assert [(one.clause.id, one.reason) for one in listener.deliveries] == [("a-2", Reason.FLUSHED), ("a-1", None)]


def test_one_on_hold_hears_it_afterwards_from_its_first_sample() -> None:
    listener = Listener()
    utterance = listener.playback.begin(listener.clause(1, 0.0))
    sound = np.arange(1, 4 * FRAME_SAMPLES + 1).astype(np.int16)
    utterance.feed(SpeechChunk(sound, last=True))
    listener.tick(2)
    listener.playback.hold(True)
    listener.tick(3)
    listener.playback.hold(False)
    listener.tick(4 + listener.depth + 1)
    assert not np.concatenate(listener.heard[2:5]).any()
    assert np.array_equal(np.concatenate(listener.heard[5:9]), sound)
    assert [delivery.outcome for delivery in listener.deliveries] == [Outcome.PLAYED]


def test_what_is_too_old_after_a_hold_is_dropped() -> None:
    listener = Listener()
    listener.playback.hold(True)
    for number, end_s in ((1, 0.0), (2, 1.0)):
        utterance = listener.playback.begin(listener.clause(number, end_s))
        utterance.feed(SpeechChunk(np.full(FRAME_SAMPLES, number, np.int16), last=True))
    listener.tick(round((STALE_S + 0.5) / FRAME_S))
    assert [delivery.reason for delivery in listener.deliveries] == [Reason.DEADLINE]
    listener.playback.hold(False)
    listener.tick()
    assert listener.heard[-1][0] == 2
