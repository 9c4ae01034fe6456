"""Who is vocoded next and how much of it: first sounds first, each utterance's in order, none of it lost."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.runtime.xtts.config import TINY
from export.runtime.xtts.serving.chunks import CONTEXT_S, Pace, wanted_s
from export.runtime.xtts.serving.cores import Cores
from export.runtime.xtts.serving.requests import Pcm
from export.runtime.xtts.serving.settings import Serving
from export.runtime.xtts.serving.track import END_S, Track
from export.runtime.xtts.serving.vocoding import chosen, most_s
from export.runtime.xtts.serving.watch import Unwatched
from export.runtime.xtts.windows import Float, Windows
from tests.xtts.serving.asking import Ear, FakeVocoder, piece, request

SERVING = Serving()
FRAME_S = TINY.hop / TINY.output_rate
VOCODE = FakeVocoder(None, threads=1, spinning=False)


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def latents(count: int, key: int = 1) -> Float:
    return np.random.Generator(np.random.Philox(key)).standard_normal((count, TINY.width)).astype(np.float32)


@dataclass(eq=False)
class Speech:
    """A track whose tokens are put in by hand."""

    clock: Clock
    lengths: tuple[int, ...] = (40,)
    key: int = 1
    speed: float = 1.0
    ear: Ear = field(default_factory=Ear)
    given: int = 0

    def __post_init__(self) -> None:
        self.pieces = [latents(count, self.key * 10 + part) for part, count in enumerate(self.lengths)]
        self.tokens = [token for part in self.pieces for token in [*part, None]]
        asked = request(*(piece(part) for part in range(len(self.lengths))), speed=self.speed)
        self.track = Track(asked, self.ear, TINY, SERVING, Unwatched(), self.clock, lambda: None)
        self.track.begin()

    def say(self, count: int) -> None:
        """Tokens, and the ends of pieces that they reach."""
        for token in self.tokens[self.given : self.given + count]:
            if token is None:
                self.track.part_said()
            else:
                self.track.said(token)
        self.given += count

    def vocode(self, most_s: float = 9.0) -> int:
        """One chunk; how many frames of sound it has."""
        assert self.track.is_due()
        window = self.track.next(most_s)
        sound = np.zeros(0, np.float32) if window is None else VOCODE(window, self.track.speaker)
        self.track.deliver(sound, vocoding=0.4)
        return len(sound) // TINY.hop

    def whole(self) -> Pcm:
        """What is to be heard in all."""
        heard = []
        for part in self.pieces:
            windows = Windows(TINY, self.speed)
            for token in part:
                windows.add(token)
            window = windows.next(last=True)
            if window is not None:
                heard.append(VOCODE(window, self.track.speaker))
            heard.append(np.zeros(round(SERVING.sentence_pause_s / self.speed * TINY.output_rate), np.float32))
        sound = np.concatenate([np.zeros(0, np.float32), *heard[:-1]])
        pcm: Pcm = np.rint(sound * 32_767).astype(np.int16)
        return pcm


@settings(max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=3).map(tuple),
    says=st.lists(st.integers(0, 12), max_size=20),
    most_s=st.sampled_from([0.02, 0.3, 0.8, 9.0]),
    speed=st.sampled_from([1.0, 0.8, 1.7]),
)
def test_however_it_comes_and_is_cut_the_whole_is_heard(
    lengths: tuple[int, ...], says: list[int], most_s: float, speed: float
) -> None:
    speech = Speech(Clock(), lengths, speed=speed)
    for count in [*says, len(speech.tokens)]:
        speech.say(count)
        while not speech.track.over and speech.track.is_due():
            speech.vocode(most_s)
    assert speech.track.over
    assert speech.ear.ends == ["done"]
    found, expected = speech.ear.pcm.astype(int), speech.whole()
    assert found.shape == expected.shape
    assert not (np.abs(found - expected) > 1).any()


def test_the_first_chunk_comes_as_soon_as_it_is_149_ms_and_the_second_is_larger() -> None:
    speech = Speech(Clock())
    for _ in range(6):
        speech.say(1)
        assert not speech.track.is_due()
        assert speech.track.hungry
    speech.say(1)
    assert not speech.track.hungry
    assert speech.vocode() == 14
    assert len(speech.ear.chunks[0]) / TINY.output_rate >= 0.149
    speech.say(8)
    assert not speech.track.is_due()
    speech.say(10)
    assert speech.vocode() * FRAME_S >= SERVING.least_s


def test_no_crumb_is_left_for_a_chunk_of_its_own() -> None:
    speech = Speech(Clock(), (40, 20))
    speech.say(30)
    assert speech.vocode() == 14, "the first chunk is small, whatever has been said by then"
    speech.say(100)
    sizes = []
    while not speech.track.over:
        speech.vocode(SERVING.hurried_s)
        sizes.append(len(speech.ear.chunks[-1]) / TINY.output_rate)
    assert sizes[0] == pytest.approx(SERVING.hurried_s, abs=FRAME_S)
    assert min(sizes) > END_S
    assert len(sizes) == 3


def test_first_sounds_go_first_then_whoever_runs_out_soonest() -> None:
    clock = Clock()
    ahead, behind, new, newer = (Speech(clock, (60,), key) for key in range(4))
    for begun in (behind, ahead):
        begun.say(20)
        begun.vocode()
        clock.now += 0.5
    for begun in (ahead, behind):
        begun.say(50)
    new.track.admitted += 9.0
    newer.track.admitted += 10.0
    everybody = [one.track for one in (newer, ahead, behind, new)]
    assert chosen(everybody, overlap=True) is behind.track
    assert chosen(everybody, overlap=False) is None, "what is vocoded would keep the newcomers from their prompts"
    newer.say(7)
    for overlap in (False, True):
        assert chosen(everybody, overlap=overlap) is newer.track
    new.say(7)
    assert chosen(everybody, overlap=False) is new.track
    clock.now += 1.0
    for begun in (new, newer):
        begun.vocode()
        begun.say(30)
    assert chosen(everybody, overlap=False) is behind.track
    ahead.track.fail(RuntimeError("broken"))
    assert chosen(everybody, overlap=False) is ahead.track


def test_who_only_waits_for_a_slot_holds_nobody_up() -> None:
    clock = Clock()
    begun, waiting = Speech(clock, (60,)), Speech(clock)
    waiting.track.has_slot = False
    begun.say(20)
    begun.vocode()
    begun.say(40)
    assert chosen([waiting.track, begun.track], overlap=False) is begun.track


def test_nothing_to_say_is_answered_before_all_first_sounds() -> None:
    """So that a probe of a busy engine does not look like a dead one."""
    clock = Clock()
    first = Speech(clock)
    first.say(30)
    silent = Track(replace(request(), pieces=()), Ear(), TINY, SERVING, Unwatched(), clock, lambda: None)
    assert first.track.runs_out <= silent.runs_out
    assert chosen([first.track, silent], overlap=False) is silent


def test_chunks_are_long_where_many_wait_and_short_where_somebody_comes() -> None:
    clock, serving = Clock(), replace(SERVING, slots=4)
    speeches = [Speech(clock, key=key) for key in range(3)]
    for one in speeches[:2]:
        one.say(10)
        one.vocode()
    tracks = [one.track for one in speeches]
    assert most_s(tracks[:1], serving) == serving.hurried_s
    assert most_s(tracks[:2], serving) == serving.most_s
    assert most_s(tracks, serving) == serving.hurried_s
    tracks[2].has_slot = False
    assert most_s(tracks, serving) == serving.most_s


def test_an_end_is_told_once_and_nothing_after_it() -> None:
    speech = Speech(Clock())
    speech.say(10)
    speech.vocode()
    speech.track.fail(RuntimeError("first"))
    speech.track.drop()
    speech.track.end()
    speech.track.end()
    assert speech.ear.ends == ["failed"]
    assert str(speech.ear.error) == "first"


@given(ahead=st.floats(-20, 20), speaking=st.floats(0, 5), vocoding=st.floats(0, 5))
def test_a_chunk_is_made_before_the_last_is_played_where_that_can_be(
    ahead: float, speaking: float, vocoding: float
) -> None:
    found = wanted_s(SERVING, ahead, speaking, vocoding)
    assert SERVING.least_s <= found <= SERVING.most_s
    takes = (speaking + vocoding) * found + vocoding * CONTEXT_S
    if ahead > 0 and found > SERVING.least_s:
        assert takes <= ahead + 1e-9
    if ahead < -0.01:
        assert found >= wanted_s(SERVING, ahead / 2, speaking, vocoding)


def test_whoever_is_faster_than_speech_never_falls_silent() -> None:
    """A player that starts 0.2 s after the first chunk: the GPT takes a quarter of the time, the vocoder a fifth."""
    clock = Clock()
    speech = Speech(clock, (160,))
    sizes: list[float] = []
    played_until = 0.0
    while not speech.track.over:
        speech.say(1 if speech.given < 160 else 2)
        clock.now += 0.25 / TINY.tokens_per_second
        while not speech.track.over and speech.track.is_due():
            window = speech.track.next(SERVING.most_s)
            assert window is not None
            clock.now += 0.2 * window.work * FRAME_S
            sound = VOCODE(window, speech.track.speaker)
            speech.track.deliver(sound, vocoding=0.2)
            assert not sizes or clock.now <= played_until, "silence"
            sizes.append(len(sound) / TINY.output_rate)
            played_until = (played_until or clock.now + 0.2) + sizes[-1]
    assert sizes[0] < 0.2 < sizes[1] < 0.6
    assert 1.5 < max(sizes) <= SERVING.most_s + END_S


def test_pace_follows_what_is_measured() -> None:
    pace = Pace()
    assert pace.vocoding is None
    pace.vocoded(1.0, 0.4)
    assert pace.vocoding == pytest.approx(0.4)
    for _ in range(40):
        pace.vocoded(0.5, 0.1)
    assert pace.vocoding == pytest.approx(0.2, abs=0.01)


def test_cores_are_lent_to_one_at_a_time_in_the_order_of_asking() -> None:
    cores, order = Cores(shared=False), []
    inside, go = threading.Event(), threading.Event()

    def hold() -> None:
        with cores.lent():
            inside.set()
            assert go.wait(10)
            order.append("first")

    def ask() -> None:
        with cores.lent():
            order.append("second")

    first, second = threading.Thread(target=hold), threading.Thread(target=ask)
    first.start()
    assert inside.wait(10)
    second.start()
    assert not order
    go.set()
    second.join(10)
    assert order == ["first", "second"]
    shared = Cores(shared=True)
    with shared.lent(), shared.lent():
        pass


def test_cores_come_back_from_whoever_fails() -> None:
    cores = Cores(shared=False)
    with pytest.raises(RuntimeError), cores.lent():
        raise RuntimeError
    with cores.lent():
        pass


@pytest.mark.parametrize("wrong", [{"slots": 0}, {"most_waiting": -1}, {"hurried_s": 3.0}, {"least_s": 1.0}])
def test_settings_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"slots|most_waiting|a chunk has"):
        replace(SERVING, **wrong)  # type: ignore[arg-type]
