"""Level, silence, chunks and turns of the offline voice, on a fake synthesiser."""

from __future__ import annotations

import queue
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.runtime.pico import sound
from export.runtime.pico.sound import Samples
from export.runtime.pico.voice import PICO_RATE, Pico, Utterance
from export.runtime.turns import Stream, Turns

WAIT_S = 10.0


def tone(seconds: float, amplitude: float) -> Samples:
    time = np.arange(int(seconds * PICO_RATE)) / PICO_RATE
    return (amplitude * np.sin(2 * np.pi * 400 * time)).astype(np.int16)


def padded(speech: Samples) -> Samples:
    return np.concatenate([np.zeros(2_400, np.int16), speech, np.zeros(9_600, np.int16)])


class FakePico:
    """Says a tone of half a second for everything, silence before and behind it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, float]] = []

    def __call__(self, text: str, voice: str, speed: float) -> Samples:
        self.asked.append((text, voice, speed))
        return padded(tone(0.5, 9_000))


def spoken(fake: FakePico, text: str, rate: int = 16_000) -> tuple[list[Samples], list[bool]]:
    chunks = list(Pico(fake).speak(Utterance(text, "es", rate)))
    return [pcm for pcm, _ in chunks], [last for _, last in chunks]


@pytest.mark.parametrize("amplitude", [1_500, 9_000, 32_000])
def test_the_level_is_the_same_whatever_came(amplitude: float) -> None:
    level = sound.levelled(padded(tone(0.5, amplitude)), PICO_RATE)[2_400:10_400].astype(float)
    assert 20 * np.log10(np.sqrt(np.mean(level**2)) / 32768) == pytest.approx(sound.ACTIVE_DBFS, abs=0.3)


def test_peaks_stay_under_their_limit() -> None:
    clicks = tone(0.5, 1_000)
    clicks[::1_000] = 32_767
    loudest = np.abs(sound.levelled(clicks, PICO_RATE).astype(int)).max()
    assert 20 * np.log10(loudest / 32768) <= sound.PEAK_DBFS + 0.01


def test_silence_is_trimmed_to_the_margins() -> None:
    found = sound.trimmed(padded(tone(0.5, 3_000)), PICO_RATE, lead_s=0.010, tail_s=0.100)
    assert len(found) == pytest.approx(PICO_RATE * 0.61, abs=PICO_RATE * 2 * sound.FRAME_S)
    assert not len(sound.trimmed(np.zeros(5_000, np.int16), PICO_RATE, lead_s=0.01, tail_s=0.1))


@given(st.lists(st.integers(0, 20_000), max_size=8), st.sampled_from([16_000, 24_000]))
def test_chunks_hold_every_sample_once_and_only_the_last_says_so(lengths: list[int], rate: int) -> None:
    total = sum(lengths)
    parts = np.split(np.arange(total).astype(np.int16), np.cumsum(lengths)[:-1]) if lengths else []
    made = list(sound.chunks(iter(parts), rate))
    assert [last for _, last in made] == [False] * (len(made) - 1) + [True] * bool(made)
    if total:
        assert np.array_equal(np.concatenate([pcm for pcm, _ in made]), np.arange(total).astype(np.int16))
        assert len(made[0][0]) <= rate * sound.FIRST_CHUNK_S
    assert all(0 < len(pcm) <= rate * sound.CHUNK_S and pcm.flags.c_contiguous for pcm, _ in made)


def test_the_first_chunk_comes_before_the_second_sentence_is_made() -> None:
    fake = FakePico()
    stream = Pico(fake).speak(Utterance("Uno. Dos. Tres.", "es", 16_000))
    first, last = next(stream)
    assert (len(first), last, len(fake.asked)) == (3_200, False, 1)
    assert fake.asked[0] == ("Uno.", "es-ES", 1.0)


def test_pauses_between_sentences_are_short() -> None:
    one, _ = spoken(FakePico(), "Uno.")
    two, _ = spoken(FakePico(), "Uno. Dos.")
    seconds = [sum(map(len, chunks)) / 16_000 for chunks in (one, two)]
    between = seconds[1] - 2 * seconds[0]
    assert between == pytest.approx(sound.SENTENCE_PAUSE_S - sound.LEAD_S - sound.TAIL_S, abs=0.002)


def test_only_who_speaks_faster_shortens_the_pauses_within() -> None:
    def seconds(text: str, speed: float) -> float:
        def halting(text: str, voice: str, speed: float) -> Samples:
            return padded(np.concatenate([tone(0.5, 9_000), np.zeros(8_000, np.int16), tone(0.5, 9_000)]))

        stream = Pico(halting).speak(Utterance(text, "es", 16_000, speed))
        return sum(len(pcm) for pcm, _ in stream) / PICO_RATE

    assert seconds("Uno.", 1.0) - seconds("Uno.", 1.25) == pytest.approx(0.5 - sound.HURRIED_PAUSE_S, abs=0.011)
    between = seconds("Uno. Dos.", 1.25) - 2 * seconds("Uno.", 1.25)
    assert sound.LEAD_S + sound.TAIL_S + between == pytest.approx(sound.HURRIED_PAUSE_S, abs=0.002)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 60)), max_size=8))
def test_no_sound_is_cut_with_a_pause(stretches: list[tuple[bool, int]]) -> None:
    frames = [np.full(80 * count, 5_000 if loud else 0, np.int16) for loud, count in stretches]
    pcm = np.concatenate([*frames, np.zeros(0, np.int16)])
    short = sound.without_pauses(pcm, PICO_RATE, longest_s=0.1)
    assert np.array_equal(short[short > 0], pcm[pcm > 0])
    assert len(short) <= len(pcm)


def test_rates_give_the_same_duration() -> None:
    low, high = (sum(map(len, spoken(FakePico(), "Uno. Dos.", rate)[0])) / rate for rate in (16_000, 24_000))
    assert low == pytest.approx(high, abs=0.002)


@pytest.mark.parametrize("text", ["", "   ", "...", "¿?", "😀"])
def test_nothing_to_say_gives_no_chunk(text: str) -> None:
    assert spoken(FakePico(), text) == ([], [])


@pytest.mark.parametrize(
    ("language", "rate", "speed", "message"),
    [
        ("pt", 16_000, 1.0, "no language 'pt': it speaks de, en"),
        ("en", 8_000, 1.0, "no rate of 8000 Hz: ask for 16000 or 24000"),
        ("en", 16_000, 9.0, "no speed 9"),
        ("en", 16_000, float("nan"), "no speed nan"),
    ],
)
def test_wrong_values_are_named(language: str, rate: int, speed: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Utterance("x", language, rate, speed)


class Listener:
    """Notes what a stream tells it."""

    def __init__(self, items: Iterator[tuple[str, bool]], cancel_after: int = 1_000) -> None:
        self.events: list[str] = []
        self.ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.stream = Stream(
            items=items,
            put=self._put,
            cancelled=lambda: len(self.events) >= cancel_after,
            cancel=lambda: self._end("cancelled"),
            fail=lambda error: self._end(f"failed: {error}"),
        )

    def _put(self, item: str | None, last: bool) -> None:
        if item is not None:
            self.events.append(item)
        if last:
            self._end("done")

    def _end(self, how: str) -> None:
        self.events.append(how)
        self.ended.put(how)


def endless() -> Iterator[tuple[str, bool]]:
    while True:
        yield "chunk", False


def test_every_stream_ends_exactly_once_and_a_cancelled_one_within_a_chunk() -> None:
    def broken() -> Iterator[tuple[str, bool]]:
        yield "a", False
        raise OSError("no voice")

    cases = {
        "done": Listener(iter([("a", False), ("b", True)])),
        "empty": Listener(iter([])),
        "cancelled": Listener(endless(), cancel_after=3),
        "broken": Listener(broken()),
    }
    turns: Turns[str] = Turns(most=8)
    for listener in cases.values():
        assert turns.add(listener.stream)
    for listener in cases.values():
        listener.ended.get(timeout=WAIT_S)
    turns.stop(WAIT_S)
    assert {name: listener.events for name, listener in cases.items()} == {
        "done": ["a", "b", "done"],
        "empty": ["done"],
        "cancelled": ["chunk", "chunk", "chunk", "cancelled"],
        "broken": ["a", "failed: no voice"],
    }


def test_a_long_stream_does_not_hold_up_a_short_one() -> None:
    long = Listener(endless())
    short = Listener(iter([("hello", True)]))
    turns: Turns[str] = Turns(most=2)
    assert turns.add(long.stream)
    assert turns.add(short.stream)
    assert not turns.add(Listener(iter([])).stream), "the third is refused"
    assert short.ended.get(timeout=WAIT_S) == "done"
    turns.stop(WAIT_S)
    assert long.events[-1] == "cancelled"
