"""A voice that is known speaks to the bit like one that is not; and none is kept for longer than was promised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.runtime.xtts.cache import Kept
from export.runtime.xtts.config import TINY
from export.runtime.xtts.decoding import Decoding, Manner
from export.runtime.xtts.gpt import Float, Gpt, Precision
from export.runtime.xtts.serving.cores import Cores
from export.runtime.xtts.serving.prefixes import Prefixes, key
from export.runtime.xtts.serving.speaking import Speaking
from export.runtime.xtts.serving.watch import Unwatched
from tests.xtts.serving.asking import piece, request, voice

KEPT: Kept = np.zeros((6, 4, 32, 16), np.float32)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Counting(Unwatched):
    def __init__(self) -> None:
        self.hits: list[bool] = []

    def prefix(self, hit: bool) -> None:
        self.hits.append(hit)


def spoken(speaking: Speaking, who: int, tokens: int, others: int = 0) -> tuple[list[int], list[Float]]:
    """What a text of so many tokens becomes, and what the vocoder would hear; `others` share its steps."""
    beside = [speaking.open(request(piece(90 + number, 5), who=50 + number), 0) for number in range(others)]
    one = speaking.open(request(piece(tokens, tokens, 15), who=who), 0)
    for opened in (*beside, one):
        while not speaking.fill(opened):
            pass
    heard = []
    for _ in range(10):
        heard.append(speaking.draw(one)[0].copy())
        for other in beside:
            speaking.draw(other)
        speaking.step([one, *beside])
    for opened in (*beside, one):
        speaking.close(opened)
    return one.decoding.codes, heard


@pytest.mark.parametrize(("precision", "quick"), [("fp32", False), ("8bit", False), ("8bit", True), ("fp16", False)])
def test_a_known_voice_says_to_the_bit_what_it_said_when_it_was_new(
    folder: Path, precision: Precision, quick: bool
) -> None:
    gpt = Gpt(folder, TINY, slots=3, precision=precision, quick_prefill=quick, threads=1)
    watch = Counting()
    kept = Prefixes(4, 60.0, Clock())
    speaking = Speaking(gpt, Cores(shared=True), 16, kept, watch, Clock())
    for tokens in (3, 40):
        kept.clear()
        codes, heard = spoken(speaking, 7, tokens)
        for others in (0, 2):
            again, heard_again = spoken(speaking, 7, tokens, others)
            assert again == codes
            assert all(np.array_equal(a, b) for a, b in zip(heard, heard_again, strict=True)) or others
            assert np.abs(np.stack(heard) - np.stack(heard_again)).max() < 2e-6
        assert watch.hits[-4:].count(False) <= 2
        assert spoken(speaking, 8, tokens)[0] != codes


def test_where_a_prompt_is_parted_changes_its_last_bits_only(folder: Path) -> None:
    gpt = Gpt(folder, TINY, slots=2, precision="8bit", threads=1)
    rows = []
    for positions in (None, 16):
        decoding = Decoding(gpt, piece(1, 60).ids, voice(1), Manner())
        while not decoding.fill(positions):
            pass
        rows.append(decoding.row)
    assert np.abs(rows[0].latent - rows[1].latent).max() < 1e-4


def test_a_voice_is_forgotten_when_it_has_not_spoken_for_long() -> None:
    clock = Clock()
    kept = Prefixes(8, 10.0, clock)
    kept.put(b"one", KEPT)
    clock.now += 6
    kept.put(b"two", KEPT)
    assert kept.get(b"one") is KEPT
    clock.now += 6
    assert kept.get(b"one") is KEPT
    clock.now += 6
    kept.purge()
    assert len(kept) == 1
    clock.now += 10.1
    assert kept.get(b"one") is None
    kept.put(b"three", KEPT)
    kept.clear()
    assert len(kept) == 0


def test_a_voice_is_forgotten_at_once_and_not_kept_again_by_who_speaks_in_it() -> None:
    clock = Clock()
    kept = Prefixes(8, 10.0, clock)
    for name in (b"one", b"two"):
        kept.put(name, KEPT)
    kept.forget(b"one")
    assert kept.get(b"one") is None
    assert kept.get(b"two") is KEPT
    clock.now += 9
    kept.put(b"one", KEPT)
    assert kept.get(b"one") is None, "whoever was speaking in it at that moment has come to its end since"
    clock.now += 1.1
    kept.put(b"one", KEPT)
    assert kept.get(b"one") is KEPT, "it was enrolled anew"
    kept.forget(b"nobody")


def test_a_forgotten_voice_is_run_anew(folder: Path) -> None:
    gpt = Gpt(folder, TINY, slots=1, precision="8bit", threads=1)
    watch, kept = Counting(), Prefixes(4, 60.0, Clock())
    speaking = Speaking(gpt, Cores(shared=True), 16, kept, watch, Clock())
    for who in (7, 8):
        spoken(speaking, who, 3)
    kept.forget(key(voice(7).latents))
    codes = [spoken(speaking, who, 3)[0] for who in (7, 8)]
    assert watch.hits == [False, False, False, True]
    assert codes[0] != codes[1]


def test_the_least_lately_used_goes_first() -> None:
    kept = Prefixes(2, 10.0, Clock())
    for name in (b"one", b"two"):
        kept.put(name, KEPT)
    kept.get(b"one")
    kept.put(b"three", KEPT)
    assert [kept.get(name) is not None for name in (b"one", b"two", b"three")] == [True, False, True]
    none = Prefixes(0, 10.0, Clock())
    none.put(b"one", KEPT)
    assert len(none) == 0


def test_a_key_is_the_numbers() -> None:
    latents = voice(1).latents
    assert key(latents) == key(latents.copy())
    changed = latents.copy()
    changed[3, 4] = np.nextafter(changed[3, 4], np.float32(9))
    assert key(changed) != key(latents)
