"""Utterances: where they start and end, and that no voiced frame is lost between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.audio.vad import SEARCH_FRAMES, Endpointer, WebRtcDetector
from controller.frames import FRAME_S, FRAME_SAMPLES, SILENCE, AudioFrame
from controller.media_clock import MediaClock
from controller.messages import Span, SpeechEnded, SpeechPaused, SpeechResumed, SpeechStarted, VoiceEvent
from controller.pipeline.capture import Capture
from tests.fakes.fake_phone import LoudDetector, tone_frame


def feed(pattern: str, **settings: float) -> tuple[Endpointer, list[VoiceEvent]]:
    """`pattern`: a character a frame, `x` voiced, `.` silent."""
    endpointer = Endpointer(LoudDetector(), guard=None, **settings)
    events: list[VoiceEvent] = []
    for index, char in enumerate(pattern):
        frame = AudioFrame(tone_frame() if char == "x" else SILENCE, index)
        events += endpointer.feed(frame, (index + 1) * FRAME_S)
    return endpointer, events


def kinds(events: list[VoiceEvent]) -> str:
    letters = {SpeechStarted: "S", AudioFrame: "f", SpeechPaused: "P", SpeechResumed: "R", SpeechEnded: "E"}
    return "".join(letters[type(event)] for event in events)


def test_an_utterance_starts_with_preroll_and_ends_with_its_last_voiced_frame() -> None:
    _, events = feed("." * 20 + "x" * 10 + "." * 30, endpoint_ms=360, preroll_ms=240, pause_ms=140)
    start, *_, end = events
    assert isinstance(start, SpeechStarted) and isinstance(end, SpeechEnded)
    assert start.index == 23 - 17, "twelve frames of preroll and five that decided"
    assert end.span == Span(start.index * FRAME_S, 30 * FRAME_S)
    assert end.decided_s == pytest.approx(30 * FRAME_S + 0.36)
    assert end.pause
    frames = [event for event in events if isinstance(event, AudioFrame)]
    assert [frame.index for frame in frames] == list(range(start.index, 48))


def test_a_click_starts_nothing() -> None:
    assert feed("...xx......x.....xx....")[1] == []


def test_a_short_pause_is_told_and_taken_back() -> None:
    _, events = feed("xxxxxxxx" + "." * 10 + "xxxx" + "." * 20, endpoint_ms=360, pause_ms=140)
    letters = kinds(events).replace("f", "")
    assert letters == "SPRPE"
    paused = [event for event in events if isinstance(event, SpeechPaused)]
    end = events[-1]
    assert isinstance(end, SpeechEnded)
    assert paused[-1].span == end.span, "work begun at the last pause is good for the end"


def test_in_a_long_utterance_a_breath_is_an_end() -> None:
    breaths = ("x" * 93 + "." * 7) * 6
    _, events = feed(breaths, max_utterance_s=5.0, breath_ms=120, endpoint_ms=360, pause_ms=200)
    end = next(event for event in events if isinstance(event, SpeechEnded))
    assert end.pause
    assert end.span.end_s == pytest.approx(293 * FRAME_S), "the first breath after five seconds"


@pytest.mark.parametrize(
    ("speech", "silence", "start"),
    [(293, 7, 293), (100, 18, 104)],
    ids=["a breath", "a pause"],
)
def test_the_silence_that_ends_an_utterance_is_preroll_of_the_next(speech: int, silence: int, start: int) -> None:
    """An unvoiced consonant before the first voiced frame lies in it."""
    pattern = "x" * speech + "." * silence + "x" * 20
    _, events = feed(pattern, max_utterance_s=5.0, breath_ms=120, endpoint_ms=360, preroll_ms=240)
    started = [event.index for event in events if isinstance(event, SpeechStarted)]
    assert started == [0, start], "the preroll and the five frames that decide, or from the end of the voice"
    ended = next(at for at, event in enumerate(events) if isinstance(event, SpeechEnded))
    indexes = [event.index for event in events[ended:] if isinstance(event, AudioFrame)]
    assert indexes == list(range(start, len(pattern))), "each once and in order"


def test_one_who_never_stops_is_cut_where_it_is_quietest() -> None:
    endpointer = Endpointer(LoudDetector(), max_utterance_s=4.0)
    events: list[VoiceEvent] = []
    for index in range(1200):
        softer = index % 25 in (10, 11, 12)
        pcm = tone_frame() // 3 if softer else tone_frame()
        events += endpointer.feed(AudioFrame(pcm.astype(np.int16), index), (index + 1) * FRAME_S)
    ends = [event for event in events if isinstance(event, SpeechEnded)]
    assert 3 <= len(ends) <= 4
    for end in ends:
        assert not end.pause
        assert end.span.seconds <= 6.1
        assert round(end.span.end_s / FRAME_S) % 25 == 11, "in the middle of what is soft"
    utterances: list[list[int]] = []
    for event in events:
        if isinstance(event, SpeechStarted):
            utterances.append([])
        elif isinstance(event, AudioFrame):
            utterances[-1].append(event.index)
    for end, after in zip(ends, utterances[1:], strict=True):
        assert after[0] == round(end.span.end_s / FRAME_S), "nothing lost and nothing twice"
        assert after == list(range(after[0], after[-1] + 1))


def test_a_frame_that_is_given_again_is_not_dropped_twice() -> None:
    capture = Capture(MediaClock(), Endpointer(LoudDetector(), max_utterance_s=2.0))
    for index in range(1500):
        capture.push(tone_frame())
        capture.tick((index + 0.3) * FRAME_S)
    waiting = {event.index for event in capture.asr.drain() if isinstance(event, AudioFrame)}
    dropped = capture.dropped["asr"]
    assert capture.asr.dropped > 1500, "the recogniser took none, and many were given again"
    assert 1500 <= dropped + len(waiting) <= 1500 + SEARCH_FRAMES, "of those of one cut the first may be gone"


def test_the_last_voiced_frame_within_a_span() -> None:
    endpointer, _ = feed("." * 10 + "x" * 10 + "." * 5 + "x" * 10 + "." * 30)
    assert endpointer.last_voiced_s(Span(0.2, 0.46)) == pytest.approx(0.40)
    assert endpointer.last_voiced_s(Span(0.2, 5.0)) == pytest.approx(0.70)
    assert endpointer.last_voiced_s(Span(0.0, 0.1)) == 0.1, "nothing voiced: the span's own end"


@settings(max_examples=200)
@given(st.text(alphabet="x.", max_size=400), st.sampled_from([100.0, 360.0]))
def test_events_always_come_in_order_and_frames_once(pattern: str, endpoint_ms: float) -> None:
    _, events = feed(pattern, endpoint_ms=endpoint_ms, pause_ms=60, max_utterance_s=2.0)
    speaking = paused = False
    begun = 0
    indexes: list[int] = []
    for event in events:
        match event:
            case SpeechStarted():
                assert not speaking
                speaking, paused = True, False
                assert event.index >= begun
                begun, indexes = event.index, []
            case AudioFrame():
                assert speaking
                assert event.index == (indexes[-1] + 1 if indexes else begun)
                indexes.append(event.index)
            case SpeechPaused():
                assert speaking and not paused
                paused = True
            case SpeechResumed():
                assert paused
                paused = False
            case SpeechEnded():
                assert speaking and event.span.end_s > event.span.start_s
                assert event.span.start_s == begun * FRAME_S
                speaking, begun = False, round(event.span.end_s / FRAME_S)


def test_webrtc_hears_a_buzz_and_not_silence_and_not_a_filled_frame() -> None:
    time = np.arange(FRAME_SAMPLES * 30) / 16000
    voice = np.sum([np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20)], axis=0) * 4000
    pcm = voice.astype(np.int16).reshape(-1, FRAME_SAMPLES)
    detector = WebRtcDetector(3)
    assert sum(detector.voiced(AudioFrame(frame, i)) for i, frame in enumerate(pcm)) > 25
    assert not detector.voiced(AudioFrame(pcm[0], 0, filled=True))
    quiet = WebRtcDetector(3)
    assert not any(quiet.voiced(AudioFrame(SILENCE, i)) for i in range(30))
