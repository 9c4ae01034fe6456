"""The engine on the tiny model: everybody hears what they would alone, and whatever befalls one is theirs alone."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.runtime.xtts.conditioning import Voice
from export.runtime.xtts.config import TINY
from export.runtime.xtts.decoding import Manner
from export.runtime.xtts.gpt import Gpt
from export.runtime.xtts.serving import Busy, Engine, Pcm, Request, Serving, Unwatched
from export.runtime.xtts.serving.prefixes import Prefixes
from export.runtime.xtts.windows import Upsampling
from tests.xtts.serving.asking import Ear, FakeVocoder, piece, request, said, voice

SERVING = Serving(slots=4, most_waiting=12, threads=1, vocoder_threads=1, precision="fp32")


class Counted(Unwatched):
    """Remembers how utterances ended, and how many were spoken for."""

    def __init__(self) -> None:
        self.broken = False
        self.ends: list[str] = []
        self.active = self.waiting = 0
        self.rows: list[int] = []

    def slots(self, active: int, waiting: int) -> None:
        if self.broken:
            self.broken = False
            raise RuntimeError("miscounted")
        self.active, self.waiting = active, waiting

    def ended(self, how: str) -> None:
        self.ends.append(how)

    def stepped(self, rows: int, seconds: float) -> None:
        self.rows.append(rows)


@pytest.fixture(scope="module", params=[False, True], ids=["in turns", "overlapping"])
def engine(request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.runtime.xtts.serving.engine.Vocoder", FakeVocoder)
        engine = Engine(folder, replace(SERVING, overlap=request.param), Unwatched())
        yield engine
        engine.stop(5.0)


def various() -> list[Request]:
    """Different texts, lengths, voices, seeds, speeds, rates, and numbers of pieces."""
    return [
        request(piece(1, 9, 14), who=1, seed=1),
        request(piece(2, 70, 24), who=2, seed=2, rate=16_000, least=18),
        request(piece(3, 40, 9), piece(4, 5, 10, ends=False), piece(5, 12, 9), who=3, seed=3, least=5),
        request(piece(6, 17, 16), who=1, seed=4, speed=1.3, rate=16_000),
        request(piece(1, 9, 14), who=1, seed=9, speed=0.8),
    ]


@pytest.fixture(scope="module")
def alone(engine: Engine) -> list[Pcm]:
    """What each of `various` hears of it by itself."""
    return [said(engine, one).pcm for one in various()]


def assert_heard(ear: Ear, expected: Pcm) -> None:
    found = ear.wait().pcm
    assert ear.ends == ["done"]
    assert len(found) == len(expected) > 5_000
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("precision", [{"precision": "fp32"}, {"precision": "8bit", "quick_prefill": True}])
def test_everybody_hears_what_they_would_hear_alone(folder: Path, precision: dict[str, Any]) -> None:
    """To the token and to the bit but the last, whoever else speaks: with the real vocoder."""
    engine = Engine(folder, replace(SERVING, **precision), Unwatched())
    alone = [said(engine, one).pcm for one in various()]
    ears = [Ear() for _ in range(8)]
    for number, ear in enumerate(ears):
        engine.submit(various()[number % 5], ear)
    for number, ear in enumerate(ears):
        assert_heard(ear, alone[number % 5])
    engine.stop(5.0)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 1, 0, 0, 2), (4, 3, 2, 2, 0), (1, 1)])
def test_the_order_of_arrival_changes_nothing(engine: Engine, alone: list[Pcm], order: tuple[int, ...]) -> None:
    ears = [Ear() for _ in order]
    for which, ear in zip(order, ears, strict=True):
        engine.submit(various()[which], ear)
    for which, ear in zip(order, ears, strict=True):
        assert_heard(ear, alone[which])


def test_sound_comes_in_chunks_and_has_its_pauses(alone: list[Pcm], engine: Engine) -> None:
    ear = said(engine, various()[1])
    assert len(ear.chunks) >= 2
    assert len(ear.chunks[0]) >= 0.145 * 16_000
    pieces = various()[2]
    spoken = [said(engine, replace(pieces, pieces=(one,))) for one in pieces.pieces[:1]]
    first = len(spoken[0].pcm)
    pause = round((SERVING.sentence_pause_s) * 24_000)
    assert not alone[2][first : first + pause].any()
    assert alone[2][first + pause : first + pause + 200].any()


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_whoever_goes_away_is_dropped_and_the_others_never_notice(
    engine: Engine, alone: list[Pcm], chunks: int
) -> None:
    going, staying = [Ear(goes_after=chunks) for _ in range(6)], Ear()
    for number, ear in enumerate(going):
        engine.submit(request(piece(number, 30, 120), seed=number, least=110), ear)
    engine.submit(various()[0], staying)
    assert_heard(staying, alone[0])
    for ear in going:
        assert ear.wait().ends == ["dropped"]
        assert len(ear.chunks) == chunks


def poisoned() -> list[Request]:
    good = request()
    latents, speaker = good.voice.latents.copy(), good.voice.speaker.copy()
    latents[3, 5] = np.nan
    speaker[7] = np.inf
    return [
        replace(good, voice=Voice(latents, good.voice.speaker)),
        replace(good, voice=Voice(good.voice.latents, speaker)),
        replace(good, voice=Voice(good.voice.latents[:31], good.voice.speaker)),
        replace(good, voice=Voice(good.voice.latents.astype(np.float64), good.voice.speaker)),
        replace(good, rate=8_000),
        replace(good, manner=Manner(seed=-1)),
        replace(good, manner=Manner(speed=float("nan"))),
    ]


def test_what_cannot_be_spoken_is_refused_when_it_is_asked(engine: Engine) -> None:
    for asked in poisoned():
        with pytest.raises(ValueError, match=r"voice|rate|seed|speed"):
            engine.submit(asked, Ear())


def test_a_text_that_is_too_long_fails_by_itself(engine: Engine, alone: list[Pcm]) -> None:
    ears = [Ear() for _ in range(3)]
    for ear, asked in zip(ears, (various()[0], request(piece(1, 500)), various()[3]), strict=True):
        engine.submit(asked, ear)
    assert "split it" in str(ears[1].wait().error)
    assert_heard(ears[0], alone[0])
    assert_heard(ears[2], alone[3])


def test_nothing_to_say_ends_at_once(engine: Engine) -> None:
    ear = said(engine, replace(request(), pieces=()))
    assert (ear.ends, len(ear.pcm)) == (["done"], 0)


class Poisoning:
    """Makes the GPT or the vocoder fail for one voice's row, or for the one that is spoken to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, victim: Voice) -> None:
        self._patch, self._victim = monkeypatch, victim
        self.rows: set[int] = set()
        monkeypatch.setattr(Prefixes, "get", lambda kept, voice: None)

    def fill(self, act: Callable[[Any], None]) -> None:
        filled, prefix = Gpt.fill, self._victim.latents

        def fill(gpt: Gpt, row: Any, part: Any) -> None:
            filled(gpt, row, part)
            if len(part) == len(prefix) and np.array_equal(part, prefix):
                self.rows.add(id(row))
            elif id(row) in self.rows:
                act(row)

        self._patch.setattr(Gpt, "fill", fill)

    def step(self) -> None:
        self.fill(lambda row: None)
        stepped = Gpt.step

        def step(gpt: Gpt, tokens: Any) -> None:
            if any(id(row) in self.rows for row in tokens):
                raise RuntimeError("the step breaks")
            stepped(gpt, tokens)

        self._patch.setattr(Gpt, "step", step)

    def vocode(self, act: Callable[[Any], Any]) -> None:
        vocoded, speaker = FakeVocoder.__call__, self._victim.speaker

        def vocode(vocoder: FakeVocoder, window: Any, whose: Any) -> Any:
            pcm = vocoded(vocoder, window, whose)
            return act(pcm) if np.array_equal(whose, speaker) else pcm

        self._patch.setattr(FakeVocoder, "__call__", vocode)


def _raise(_: Any) -> Any:
    raise RuntimeError("it breaks")


def _no_numbers(row: Any) -> None:
    row.logits = np.full_like(row.logits, np.nan)


@pytest.mark.parametrize("how", ["fill", "logits", "step", "vocode", "sound"])
def test_what_breaks_for_one_breaks_for_nobody_else(
    engine: Engine, alone: list[Pcm], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoning = Poisoning(monkeypatch, voice(66))
    engine.forget_voices()
    if how == "fill":
        poisoning.fill(_raise)
    elif how == "logits":
        poisoning.fill(_no_numbers)
    elif how == "step":
        poisoning.step()
    else:
        poisoning.vocode(_raise if how == "vocode" else lambda pcm: pcm * np.float32(np.nan))
    ears = [Ear() for _ in range(4)]
    victim = request(piece(8, 40), who=66, seed=6)
    for ear, asked in zip(ears, (various()[0], victim, various()[1], victim), strict=True):
        engine.submit(asked, ear)
    for ear in (ears[1], ears[3]):
        assert ear.wait().ends == ["failed"]
        assert "break" in str(ear.error) or "not finite" in str(ear.error)
    assert_heard(ears[0], alone[0])
    assert_heard(ears[2], alone[1])
    monkeypatch.undo()
    engine.forget_voices()
    assert said(engine, victim).ends == ["done"]


class Rude(Ear):
    """Raises where it should listen."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where

    def sound(self, pcm: Pcm, last: bool) -> None:
        if self._where == "sound":
            raise RuntimeError("no ears")
        super().sound(pcm, last)

    def gone(self) -> bool:
        if self._where == "gone":
            raise RuntimeError("nobody there")
        return False


@pytest.mark.parametrize("where", ["sound", "gone"])
def test_a_listener_that_breaks_harms_nobody(engine: Engine, alone: list[Pcm], where: str) -> None:
    rude, polite = Rude(where), Ear()
    engine.submit(various()[1], rude)
    engine.submit(various()[0], polite)
    assert_heard(polite, alone[0])
    assert rude.wait().ends == ["failed"]


def test_the_engine_is_busy_when_it_is_full_and_gone_when_it_was_stopped(folder: Path) -> None:
    watch = Counted()
    engine = Engine(folder, replace(SERVING, slots=2, most_waiting=3), watch)
    ears = []
    for number in range(5):
        ears.append(Ear())
        engine.submit(request(piece(number, 20, 400), least=390), ears[-1])
    with pytest.raises(Busy, match="2 utterances are being spoken and 3 wait"):
        engine.submit(request(), Ear())
    engine.stop(20.0)
    for ear in ears:
        assert isinstance(ear.wait().error, Busy)
    assert (watch.ends, watch.active, watch.waiting) == (["failed"] * 5, 0, 0)
    with pytest.raises(Busy, match="was stopped"):
        engine.submit(request(), Ear())


def test_a_fault_in_the_loop_itself_ends_all_and_the_engine_goes_on(folder: Path) -> None:
    watch = Counted()
    engine = Engine(folder, SERVING, watch)
    watch.broken = True
    ears = [Ear() for _ in range(3)]
    for ear in ears:
        engine.submit(request(piece(1, 9, 300), least=290), ear)
    assert any(ear.wait().ends == ["failed"] for ear in ears[:1])
    assert said(engine, request()).ends == ["done"]
    engine.stop(20.0)
    assert all(ear.wait().ends == ["failed"] for ear in ears)


def test_a_loop_that_cannot_go_on_leaves_nobody_waiting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(folder, SERVING, Unwatched())
    monkeypatch.setattr(Prefixes, "purge", _raise)
    ears = [Ear() for _ in range(3)]
    for ear in ears:
        with suppress(Busy):
            engine.submit(request(), ear)
            assert "it breaks" in str(ear.wait().error)
    with pytest.raises(Busy, match="was stopped"):
        engine.submit(request(), Ear())
    engine.stop(5.0)


def test_utterances_share_their_steps(folder: Path) -> None:
    watch = Counted()
    engine = Engine(folder, SERVING, watch)
    ears = [Ear() for _ in range(4)]
    for ear in ears:
        engine.submit(request(piece(1, 9, 60), least=50), ear)
    assert [ear.wait().ends for ear in ears] == [["done"]] * 4
    assert max(watch.rows) == 4
    assert len(watch.rows) < 0.6 * sum(watch.rows)
    engine.stop(5.0)


def test_no_text_is_spoken_for_longer_than_it_can_take(engine: Engine) -> None:
    for most in (8, 21):
        ear = said(engine, request(piece(1, 9, most), least=400))
        assert len(ear.pcm) == Upsampling(TINY).frames(most) * TINY.hop


def test_many_who_come_and_go_leave_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.runtime.xtts.serving.engine.Vocoder", FakeVocoder)
    before, watch, chance = threading.active_count(), Counted(), random.Random(5)
    engine = Engine(folder, replace(SERVING, most_waiting=200, prefix_ttl_s=0.0), watch)
    ears = []
    for number in range(200):
        ears.append(Ear(goes_after=chance.choice([None, None, 0, 1, 2])))
        text = piece(number, chance.randint(2, 60), chance.randint(4, 30))
        engine.submit(request(text, who=number % 7, seed=number, least=chance.randint(0, 20)), ears[-1])
    ends = [ear.wait().ends[0] for ear in ears]
    assert {"done", "dropped"} == set(ends)
    assert sorted(watch.ends) == sorted(ends)
    assert said(engine, request()).ends == ["done"]
    engine.stop(20.0)
    assert (watch.active, watch.waiting, threading.active_count()) == (0, 0, before)
