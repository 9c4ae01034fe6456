"""Speech in chunks is the speech of the whole; a seed is a promise; whoever stops listening leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.runtime.xtts.conditioning import Voice
from export.runtime.xtts.config import TINY, Sampling
from export.runtime.xtts.decoding import Manner
from export.runtime.xtts.synthesis import Float, Xtts
from export.runtime.xtts.vocoder import Vocoder
from export.runtime.xtts.windows import Windows

IDS = [TINY.start_text, 300, 301, 302, 303, TINY.stop_text]


@pytest.fixture(scope="module")
def xtts(folder: Path) -> Xtts:
    return Xtts(folder, precision="fp32", threads=1)


@pytest.fixture(scope="module")
def voice() -> Voice:
    bits = np.random.Generator(np.random.Philox(3))
    latents = bits.standard_normal((TINY.latents, TINY.width)).astype(np.float32)
    speaker = bits.standard_normal(TINY.speaker_width).astype(np.float32)
    return Voice(latents, speaker / np.float32(np.linalg.norm(speaker)))


def whole(folder: Path, latents: Float, voice: Voice, speed: float = 1.0) -> Float:
    """The sound of all latents, vocoded in one go."""
    windows = Windows(TINY, speed)
    for latent in latents:
        windows.add(latent)
    window = windows.next(last=True)
    assert window is not None
    return Vocoder(folder, threads=1)(window, voice.speaker)


@pytest.mark.parametrize("speed", [1.0, 0.8, 1.4])
def test_chunks_are_the_whole(xtts: Xtts, folder: Path, voice: Voice, speed: float) -> None:
    manner = Manner(seed=5, speed=speed, least=14, most=16)
    chunks = list(xtts.stream(IDS, voice, manner=manner, chunks=(5, 3, 6)))
    decoded = xtts.decode(IDS, voice, manner)
    assert len(chunks) >= 3
    assert 14 <= len(decoded.codes) <= 16
    assert len(decoded.codes) == len(decoded.latents)
    expected = whole(folder, decoded.latents, voice, speed)
    found = np.concatenate(chunks)
    assert found.shape == expected.shape
    assert np.sqrt(np.square(expected).mean()) > 0.01
    assert np.abs(found - expected).max() < 1e-6


def test_a_seed_says_the_same_again_and_another_does_not(xtts: Xtts, voice: Voice) -> None:
    def said(seed: int) -> list[int]:
        return xtts.decode(IDS, voice, Manner(seed=seed, most=12)).codes

    first = said(1)
    assert said(2) != first
    assert said(1) == first


def test_it_ends_by_itself_or_where_it_must(xtts: Xtts, voice: Voice) -> None:
    free = xtts.decode(IDS, voice, Manner(seed=1))
    assert free.codes.index(TINY.stop_audio) == len(free.codes) - 1
    count = len(free.codes)
    assert count < TINY.max_new_tokens
    assert TINY.stop_audio not in xtts.decode(IDS, voice, Manner(seed=1, most=count - 1)).codes
    longer = xtts.decode(IDS, voice, Manner(seed=1, least=count)).codes
    assert len(longer) > count
    assert TINY.stop_audio not in longer[:count]
    assert len(xtts.decode(IDS, voice, Manner(least=9_999)).codes) == TINY.max_new_tokens


def test_whoever_stops_listening_leaves_nothing_behind(xtts: Xtts, voice: Voice) -> None:
    for _ in range(3):
        listening = xtts.stream(IDS, voice, manner=Manner(least=40), chunks=(8,))
        assert len(next(listening)) > 0
        listening.close()
    assert xtts.decode(IDS, voice, Manner(most=2)).codes


def test_a_text_is_spoken_piece_by_piece(xtts: Xtts, voice: Voice) -> None:
    manner = Manner(seed=9, least=3, most=5, sampling=Sampling(temperature=1.0))
    text = "The first sentence is here. " * 12
    pieces = xtts.front_end.pieces(text, "en")
    assert len(pieces) > 1
    spoken = xtts.synthesize(text, voice, "en", manner)
    first = xtts.synthesize(pieces[0].ids, voice, "en", manner)
    assert np.abs(spoken[: len(first)] - first).max() < 1e-6
    assert len(spoken) > len(first) * (len(pieces) - 1) / 2
    assert len(xtts.synthesize("", voice)) == 0


def test_pieces_of_a_text_draw_of_their_own(xtts: Xtts, voice: Voice) -> None:
    """The same sentence twice in a text is not the same sound twice."""
    sentence = "This is said more than once, word for word, and it is long enough to fill one piece all by itself. " * 2
    halves = [piece.ids for piece in xtts.front_end.pieces(sentence * 4, "en")]
    assert halves[0] == halves[1]
    manner = Manner(seed=4, least=5, most=5)
    sounds = list(xtts.stream(sentence * 4, voice, "en", manner, chunks=(5,)))
    assert len(sounds) == len(halves)
    assert np.abs(sounds[0] - sounds[1]).max() > 0.01


def test_what_cannot_be_is_refused_before_a_row_is_taken(xtts: Xtts, voice: Voice) -> None:
    for manner in (Manner(seed=-1), Manner(speed=0.0)):
        with pytest.raises(ValueError, match=r"seed|speed"):
            xtts.decode(IDS, voice, manner)
    with pytest.raises(ValueError, match="most is 0"):
        Manner(most=0)
    with pytest.raises(ValueError, match=r"this model takes float32\[512\]"):
        xtts.decode(IDS, Voice(voice.latents, voice.speaker[:256]))
    with pytest.raises(ValueError, match="latents are not all numbers"):
        xtts.decode(IDS, Voice(voice.latents * np.float32(np.nan), voice.speaker))
    with pytest.raises(ValueError, match="speaker vector are not all numbers"):
        xtts.decode(IDS, Voice(voice.latents, voice.speaker * np.float32(np.inf)))
    assert xtts.decode(IDS, voice, Manner(most=1)).codes
