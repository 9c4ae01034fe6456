"""A recogniser made of recognisers: every word is told once and in order, whoever fails in the middle of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.audio.vad import Endpointer
from controller.engines.fallback.stt import FallbackRecogniser
from controller.engines.fallback.utterance import RING_FRAMES
from controller.errors import EngineError, EngineTimeout
from controller.frames import FRAME_S, SILENCE, AudioFrame
from controller.messages import SpeechEnded, Transcript
from controller.recovery.breaker import Limits, State
from controller.virtual_time import run
from tests.fakes.fake_chain import HearingRecogniser, SeenWatch, recogniser, word_frame
from tests.fakes.fake_phone import LoudDetector

WORD_FRAMES = 20
PAUSE_FRAMES = 50
"""A second: an utterance ends in it."""

At = tuple[int, Callable[[], None]]
"""In which frame something happens."""


class Told:
    """What became of a speaker."""

    def __init__(self) -> None:
        self.results: list[Transcript | EngineError] = []
        self.ends: list[SpeechEnded] = []

    @property
    def finals(self) -> list[Transcript]:
        return [one for one in self.results if isinstance(one, Transcript) and one.final]

    @property
    def errors(self) -> list[EngineError]:
        return [one for one in self.results if isinstance(one, EngineError)]

    @property
    def words(self) -> list[int]:
        return [int(word) for one in self.finals for word in one.text.split()]


async def speak(
    chain: FallbackRecogniser,
    lengths: Sequence[int],
    happens: Sequence[At] = (),
    pause_frames: int = PAUSE_FRAMES,
    wait_s: float = 20.0,
) -> Told:
    """One who says utterances of so many words each, with a pause behind each."""
    loop = asyncio.get_running_loop()
    words = itertools.count(1)
    frames = [
        frame
        for length in lengths
        for frame in [next_word for _ in range(length) for next_word in [next(words)] * WORD_FRAMES]
        + [0] * pause_frames
    ]
    told, endpointer, began = Told(), Endpointer(LoudDetector(), endpoint_ms=300), loop.time()

    def now() -> float:
        return loop.time() - began

    stream = chain.open("a", "en", now)

    async def listen() -> None:
        while True:
            try:
                told.results.append(await stream.receive())
            except EngineError as error:
                told.results.append(error)

    listening = asyncio.create_task(listen())
    for index, word in enumerate(frames):
        for at, happen in happens:
            if at == index:
                happen()
        frame = AudioFrame(word_frame(word) if word else SILENCE, index)
        for event in endpointer.feed(frame, now()):
            if isinstance(event, SpeechEnded):
                told.ends.append(event)
            stream.push(event)
        await asyncio.sleep(began + (index + 1) * FRAME_S - loop.time())
    await asyncio.sleep(wait_s)
    listening.cancel()
    await stream.aclose()
    assert [one.span.end_s for one in told.finals] == sorted(one.span.end_s for one in told.finals)
    return told


def mood(engine: HearingRecogniser, name: str) -> Callable[[], None]:
    return lambda: setattr(engine, "mood", name)


@pytest.mark.parametrize("how", ["fails", "barred", "rejects", "frozen"])
@pytest.mark.parametrize("commits", [False, True])
def test_one_that_fails_in_mid_word_costs_no_word(how: str, commits: bool) -> None:
    async def main() -> None:
        cloud, local, watch = HearingRecogniser("cloud", commits=commits), HearingRecogniser("local"), SeenWatch()
        told = await speak(recogniser(cloud, local, watch=watch), [3, 5, 2], [(3 * 20 + 50 + 50, mood(cloud, how))])
        assert told.words == list(range(1, 11))
        assert not told.errors
        assert sum(one.speech_final for one in told.finals) == 3
        assert watch.done[0] == "cloud" and "local" in watch.done
        assert watch.switches[0][0::2] == ("stt", "local")
        assert all(stream.closed for one in (cloud, local) for stream in one.streams)

    run(main())


def test_a_frozen_one_is_given_up_soon_after_the_end_and_later_utterances_spare_it() -> None:
    async def main() -> None:
        cloud, local, watch = HearingRecogniser("cloud"), HearingRecogniser("local"), SeenWatch()
        cloud.mood = "frozen"
        chain = recogniser(cloud, local, watch=watch, limits=Limits(open_s=60))
        told = await speak(chain, [2] * 8, pause_frames=150)
        assert told.words == list(range(1, 17))
        assert watch.switches == [("stt", "EngineTimeout", "local")] * 3
        assert watch.states["cloud", "stt"] is State.OPEN
        assert len(cloud.streams) == 3, "after three in a row it is not asked"

    run(main())


def test_the_first_one_has_the_word_again_when_it_works() -> None:
    async def main() -> None:
        cloud, local, watch = HearingRecogniser("cloud"), HearingRecogniser("local"), SeenWatch()
        cloud.mood = "fails"
        limits = Limits(slow_s=1.0, open_s=5.0)
        chain = recogniser(cloud, local, watch=watch, limits=limits)
        told = await speak(chain, [2] * 12, [(300, mood(cloud, "fine"))], pause_frames=100)
        assert told.words == list(range(1, 25))
        assert watch.done[0] == "local" and watch.done[-1] == "cloud"
        assert watch.states["cloud", "stt"] is State.CLOSED
        done = [one for one, _ in itertools.groupby(watch.done)]
        assert done == ["local", "cloud"]

    run(main())


def test_slow_answers_open_the_breaker() -> None:
    async def main() -> None:
        cloud, local, watch = HearingRecogniser("cloud"), HearingRecogniser("local"), SeenWatch()
        cloud.mood = "slow"  # 1.4 s: within the patience, and too slow
        told = await speak(recogniser(cloud, local, watch=watch), [1] * 4, pause_frames=125)
        assert told.words == [1, 2, 3, 4]
        assert watch.done == ["cloud"] * 3 + ["local"]
        assert not watch.switches

    run(main())


@pytest.mark.parametrize("how", ["fails", "barred", "rejects"])
def test_where_all_fail_each_utterance_is_one_error(how: str) -> None:
    async def main() -> None:
        cloud, local = HearingRecogniser("cloud"), HearingRecogniser("local")
        cloud.mood = local.mood = how
        told = await speak(recogniser(cloud, local), [2] * 6)
        assert (len(told.finals), len(told.errors), len(told.ends)) == (0, 6, 6)

    run(main())


def test_alone_it_goes_on_after_an_utterance_that_it_lost() -> None:
    async def main() -> None:
        only = HearingRecogniser("only")
        told = await speak(recogniser(only), [2, 2, 2], [(75, mood(only, "fails")), (160, mood(only, "fine"))])
        assert told.words == [1, 2, 5, 6]
        assert [error.engine for error in told.errors] == ["only"]
        assert len(only.streams) == 1

    run(main())


def test_a_slow_last_one_is_waited_for() -> None:
    async def main() -> None:
        only = HearingRecogniser("only", delay_s=4.0)
        told = await speak(recogniser(only), [1, 1, 1, 1])
        assert told.words == [1, 2, 3, 4]

    run(main())


def test_what_has_waited_for_too_long_is_an_error_when_it_has_to_move() -> None:
    async def main() -> None:
        cloud, local = HearingRecogniser("cloud", delay_s=90.0), HearingRecogniser("local")
        local.mood = "barred"
        lengths = [12] * (2 * RING_FRAMES // (12 * WORD_FRAMES + PAUSE_FRAMES))
        frames = sum(lengths) * WORD_FRAMES + len(lengths) * PAUSE_FRAMES
        chain = recogniser(cloud, local, limits=Limits())
        chain.members[1].breaker.broke(EngineTimeout("gone", engine="local"))

        def back() -> None:
            local.mood, cloud.mood = "fine", "fails"

        told = await speak(chain, lengths, [(frames - 10, back)], wait_s=500)
        assert len(told.errors) + sum(one.speech_final for one in told.finals) == len(told.ends)
        assert len(told.words) == len(set(told.words))

    run(main())


MOODS = st.sampled_from(["fine", "fine", "fails", "barred", "rejects", "frozen", "slow"])


@settings(max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=3, max_size=8),
    moods=st.lists(st.tuples(st.integers(0, 900), MOODS), max_size=6),
    commits=st.tuples(st.booleans(), st.booleans()),
    pause_frames=st.integers(20, 120),
    delays=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)),
)
def test_whatever_the_first_does_every_word_is_told_once(
    lengths: list[int],
    moods: list[tuple[int, str]],
    commits: tuple[bool, bool],
    pause_frames: int,
    delays: tuple[float, float],
) -> None:
    async def main() -> None:
        cloud = HearingRecogniser("cloud", delays[0], commits=commits[0])
        local = HearingRecogniser("local", delays[1], commits=commits[1])
        happens = [(at, mood(cloud, name)) for at, name in moods]
        limits = Limits(slow_s=1.0, open_s=1.0, barred_s=2.0)
        told = await speak(recogniser(cloud, local, limits=limits), lengths, happens, pause_frames)
        assert told.words == list(range(1, sum(lengths) + 1))
        assert not told.errors
        assert sum(one.speech_final for one in told.finals) == len(told.ends)

    run(main())


ANY = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 1), MOODS), max_size=8)


@settings(max_examples=60)
@given(lengths=st.lists(st.integers(1, 6), min_size=3, max_size=8), moods=ANY, pause_frames=st.integers(20, 120))
def test_whatever_both_do_each_utterance_ends_once(
    lengths: list[int], moods: list[tuple[int, int, str]], pause_frames: int
) -> None:
    async def main() -> None:
        engines = [HearingRecogniser("cloud", commits=True), HearingRecogniser("local")]
        happens = [
            (at, mood(engines[which], "slow" if which and name == "frozen" else name)) for at, which, name in moods
        ]
        limits = Limits(slow_s=1.0, open_s=1.0, barred_s=2.0)
        told = await speak(recogniser(*engines, limits=limits), lengths, happens, pause_frames)
        assert len(told.errors) + sum(one.speech_final for one in told.finals) == len(told.ends)
        assert told.words == sorted(set(told.words))

    run(main())
