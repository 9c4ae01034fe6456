"""Listeners that remember, texts and voices for the tiny model."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import numpy as np

from export.runtime.xtts.conditioning import Voice
from export.runtime.xtts.config import TINY, ModelConfig, Sampling
from export.runtime.xtts.decoding import Manner
from export.runtime.xtts.gpt import Float
from export.runtime.xtts.serving import Engine, Pcm, Request
from export.runtime.xtts.text import Piece
from export.runtime.xtts.windows import Window

ENDS_S = 60.0
"""Longer than any test's utterance takes on a busy machine."""


class FakeVocoder:
    """Each frame makes its own 256 samples: as quick as the tests of all that is not sound must be."""

    def __init__(self, folder: Path | None, *, threads: int, spinning: bool, provider: str = "cpu") -> None:
        self._hop = np.arange(1, TINY.hop + 1, dtype=np.float32) / np.float32(TINY.hop)

    def __call__(self, window: Window, speaker: Float) -> Float:
        return window.sound(partial(self._levels, speaker), self._samples)

    def _levels(self, speaker: Float, frames: Float) -> Float:
        level: Float = np.tanh(frames[:8].sum(axis=0, keepdims=True) * np.float32(0.2) + speaker[0])
        return level

    def _samples(self, levels: Float) -> Float:
        pcm: Float = (levels[0][:, None] * self._hop[None]).reshape(-1)
        return pcm


class Ear:
    """Keeps what it hears and how it ended."""

    def __init__(self, *, goes_after: int | None = None) -> None:
        """`goes_after`: so many chunks, and it is gone."""
        self.chunks: list[Pcm] = []
        self.ends: list[str] = []
        self.error: Exception | None = None
        self.heard_after_end = False
        self._goes_after = goes_after
        self._ended = threading.Event()

    @property
    def pcm(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.int16), *self.chunks])

    def sound(self, pcm: Pcm, last: bool) -> None:
        self.heard_after_end |= bool(self.ends)
        self.chunks.append(pcm)
        if last:
            self._end("done")

    def failed(self, error: Exception) -> None:
        self.error = error
        self._end("failed")

    def dropped(self) -> None:
        self._end("dropped")

    def gone(self) -> bool:
        return self._goes_after is not None and len(self.chunks) >= self._goes_after

    def wait(self) -> Ear:
        """Until it has ended."""
        assert self._ended.wait(ENDS_S), f"no end after {len(self.chunks)} chunks"
        assert not self.heard_after_end
        assert len(self.ends) == 1
        return self

    def _end(self, how: str) -> None:
        self.ends.append(how)
        self._ended.set()


def voice(key: int = 3, config: ModelConfig = TINY) -> Voice:
    bits = np.random.Generator(np.random.Philox(key))
    latents = bits.standard_normal((config.latents, config.width)).astype(np.float32)
    speaker = bits.standard_normal(config.speaker_width).astype(np.float32)
    return Voice(latents, speaker / np.float32(np.linalg.norm(speaker)))


def piece(key: int = 1, tokens: int = 9, most: int = 20, config: ModelConfig = TINY, *, ends: bool = True) -> Piece:
    """A text of so many tokens."""
    bits = np.random.Generator(np.random.Philox(key))
    ids = bits.integers(300, config.text_tokens, tokens).tolist()
    return Piece("", "", (config.start_text, *ids, config.stop_text), most, ends, 0)


def request(
    *pieces: Piece, who: int = 3, seed: int = 5, rate: int = 24_000, speed: float = 1.0, least: int = 10
) -> Request:
    manner = Manner(seed=seed, speed=speed, least=least, sampling=Sampling(temperature=1.0))
    return Request(pieces or (piece(),), voice(who), manner, rate)


def said(engine: Engine, asked: Request) -> Ear:
    """What is heard of it, once it is over."""
    ear = Ear()
    engine.submit(asked, ear)
    return ear.wait()
