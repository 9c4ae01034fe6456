"""How often and how an echo's delay is looked for: seldom where nothing is found, at once where there is a reason; and
what goes on while its path is learned."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import numpy as np
import pytest

from controller.audio import echo_cancel, echo_delay
from controller.audio.echo import EchoGuard
from controller.audio.echo_delay import BLOCK, DECIMATION, FIT_LEAD, FIT_TAPS, MARGIN, RATE, REACH
from controller.audio.track import Samples
from controller.frames import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE, SILENCE, AudioFrame, Pcm

DELAY_S = 0.2


def voice(seconds: float, seed: int) -> Pcm:
    """Low noise in syllables: as a voice to all that is looked at here."""
    random = np.random.default_rng(seed)
    samples = round(seconds * SAMPLE_RATE)
    syllables = np.repeat(random.uniform(0.1, 1.0, samples // 3200 + 1), 3200)[:samples]
    low = np.convolve(random.normal(size=samples), np.hanning(12), "same")
    return cast(Pcm, (1500 * low * syllables).astype(np.int16))


def echo_of(sent: Pcm, delay_s: float = DELAY_S) -> Pcm:
    delay = round(delay_s * SAMPLE_RATE)
    return np.concatenate([np.zeros(delay, np.int16), sent[:-delay] // 4])


class Line:
    """A guard in an utterance that goes on, and in which frames it searched."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.guard = EchoGuard()
        self.index = 0
        self.searches: list[int] = []
        search = echo_delay.DelaySearch.search

        def counted(own: echo_delay.DelaySearch, played: Samples, heard: Samples) -> tuple[float, float]:
            self.searches.append(self.index)
            return search(own, played, heard)

        monkeypatch.setattr(echo_delay.DelaySearch, "search", counted)

    def speak(self, heard: Pcm, sent: Pcm | None) -> None:
        for start in range(0, len(heard) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
            frame = slice(start, start + FRAME_SAMPLES)
            self.guard.clean(AudioFrame(heard[frame], self.index))
            self.guard.judge(self.index, True, speaking=True)
            self.guard.sent(SILENCE if sent is None else sent[frame], self.index * FRAME_S + 0.001)
            self.index += 1


def test_searches_that_find_nothing_become_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)
    line.speak(voice(12.0, 1), voice(12.0, 2))
    first, second, *_ = line.searches
    assert second - first <= 20
    assert len(line.searches) < 0.6 * 12.0 / FRAME_S / 10
    assert np.median(np.diff(line.searches)) >= 20


def test_where_nothing_is_played_nothing_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)
    line.speak(voice(3.0, 1), None)
    assert line.searches == []


def test_what_begins_to_be_played_is_looked_for_as_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)
    line.speak(voice(8.0, 1), voice(8.0, 2))
    line.speak(voice(1.0, 3), None)
    again = line.index
    line.speak(voice(2.0, 4), voice(2.0, 5))
    first, second, *_ = [index - again for index in line.searches if index >= again]
    assert first <= 2 and second - first <= 20


def test_an_echo_that_comes_up_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten seconds of searches in vain; a loudspeaker was turned on."""
    line = Line(monkeypatch)
    line.speak(voice(10.0, 1), voice(10.0, 2))
    assert line.guard.delay_s is None
    sent = voice(4.0, 3)
    line.speak(echo_of(sent), sent)
    assert line.guard.delay_s == pytest.approx(DELAY_S, abs=0.005)


def test_a_path_is_learned_a_piece_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one go, 80 frames' worth, it would hold every leg's tick for twice as long."""
    cancel, frames = echo_cancel.Canceller.cancel, Counter[int]()
    line = Line(monkeypatch)

    def counted(*args: Any, **options: Any) -> Samples:
        frames[line.index] += 1
        return cancel(*args, **options)

    monkeypatch.setattr(echo_cancel.Canceller, "cancel", counted)
    sent = voice(3.0, 3)
    line.speak(echo_of(sent), sent)
    assert line.guard.delay_s == pytest.approx(DELAY_S, abs=0.005)
    assert max(frames.values()) <= 41, "forty of the lesson's and the frame itself"
    assert sum(count > 1 for count in frames.values()) >= 2


def test_who_begins_to_speak_as_soon_as_a_path_is_learned_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Louder than the echo: what the path is judged by is from before."""
    line = Line(monkeypatch)
    random = np.random.default_rng(7)
    sent, own = (random.normal(scale=scale, size=3 * SAMPLE_RATE).astype(np.int16) for scale in (4000.0, 1700.0))
    echo, place = echo_of(sent), 0

    def on(frames: int, speaker: bool) -> None:
        nonlocal place
        part = slice(place, place + frames * FRAME_SAMPLES)
        line.speak(echo[part] + own[part] if speaker else echo[part], sent[part])
        place = part.stop

    while line.guard._canceller is None and place < len(sent):
        on(1, speaker=False)
    on(4, speaker=True)
    before = line.guard.frames_echo
    on(16, speaker=True)
    assert line.guard.frames_echo == before


@pytest.mark.parametrize(("other_s", "moved"), [(DELAY_S + 0.005, True), (DELAY_S + 0.1, False)])
def test_a_jump_moves_the_lesson_that_goes_on_from_the_known_path_only(
    monkeypatch: pytest.MonkeyPatch, other_s: float, moved: bool
) -> None:
    line = Line(monkeypatch)
    sent = voice(4.0, 3)
    jump = 3 * SAMPLE_RATE
    line.speak(echo_of(sent)[:jump], sent[:jump])
    assert line.guard._lesson is None
    line.guard._learn(other_s)
    lesson = line.guard._lesson
    assert lesson is not None
    before_s = lesson.delay_s
    line.speak(echo_of(sent, DELAY_S + FRAME_S)[jump:][:FRAME_SAMPLES], sent[jump:][:FRAME_SAMPLES])
    assert line.guard.delay_s == pytest.approx(DELAY_S + FRAME_S, abs=0.005)
    assert lesson.delay_s == (line.guard.delay_s if moved else before_s)


@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("count", [BLOCK, BLOCK // 2])
def test_what_is_explained_is_what_least_squares_leave(delay_s: float, count: int) -> None:
    played = voice(4.0, 1)[::DECIMATION][: BLOCK + REACH].astype(np.float32)
    heard = 0.5 * played[-count:] + voice(1.0, 2)[:count].astype(np.float32)
    first = max(0, len(played) - count - round(delay_s * RATE) + FIT_LEAD - FIT_TAPS + 1)
    rows = np.lib.stride_tricks.sliding_window_view(played[first : first + count + FIT_TAPS - 1], FIT_TAPS)
    end = heard[count - len(rows) :]
    left = end - rows @ np.linalg.lstsq(rows, end)[0]
    share = 1.0 - float(np.dot(left, left)) / float(np.dot(end, end))
    assert echo_delay.explained(played, heard, delay_s) == pytest.approx(share, abs=0.02)


def test_decimation_keeps_what_a_delay_is_seen_in_and_no_more() -> None:
    time = np.arange(4000 * DECIMATION + MARGIN) / SAMPLE_RATE
    for hertz, gain in ((300, 1.0), (1000, 1.0), (3000, 0.0), (6000, 0.0)):
        tone = np.sin(2 * np.pi * hertz * time).astype(np.float32)
        decimated = echo_delay.decimate(tone)
        assert len(decimated) == 4000
        assert np.sqrt(2 * np.mean(decimated**2)) == pytest.approx(gain, abs=0.1)
