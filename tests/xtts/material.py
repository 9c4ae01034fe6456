"""What both sides of a comparison are given: made of Philox's raw bits, so the same bits in either environment.

Every case has a name; the reference and our parts each answer it under that name. Knows neither of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.config import ModelConfig, Sampling

Float = NDArray[np.float32]
Int = NDArray[np.int64]


def raw(key: str, count: int) -> NDArray[np.uint64]:
    """`count` words of 64 random bits that belong to `key`."""
    digest = hashlib.sha256(f"xtts material: {key}".encode()).digest()
    return np.random.Philox(key=int.from_bytes(digest[:16], "little")).random_raw(count)


def uniform(key: str, *shape: int) -> Float:
    """Numbers from -1 to 1."""
    bits = raw(key, int(np.prod(shape))) >> np.uint64(40)
    return (bits.astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)).reshape(shape)


def tokens(key: str, count: int, low: int, high: int) -> Int:
    """Whole numbers, low <= n < high."""
    return (raw(key, count) % np.uint64(high - low)).astype(np.int64) + low


@dataclass(frozen=True)
class Utterance:
    """One text in one voice, decoded greedily."""

    name: str
    text: Int
    """Its token ids, without the two around them."""

    latents: Float
    """Of the voice, float32[32, width]."""

    penalty: float
    limit: int
    """Audio tokens at most."""


LENGTHS: Final = (9, 41)
"""Of the texts, in tokens."""

SHOWN_STEPS: Final = 3
"""Of so many steps of an utterance the logits are compared too."""


def utterances(
    config: ModelConfig, seed: int, limit: int = 40, lengths: Sequence[int] = LENGTHS
) -> Iterator[Utterance]:
    """Texts of these lengths, each at three penalties."""
    for length in lengths:
        text = tokens(f"text {seed} {length}", length, 262, config.text_tokens)
        voice = uniform(f"voice {seed} {length}", config.latents, config.width) * np.float32(1.7)
        for penalty in (1.0, 5.0, 10.0):
            yield Utterance(f"greedy/{seed}/{length} tokens/{penalty}", text, voice, penalty, limit)


@dataclass(frozen=True)
class Row:
    """One row of logits, after some codes were said."""

    name: str
    logits: Float
    said: Int
    sampling: Sampling


_SETTINGS: Final = (
    Sampling(0.75, 50, 0.85, 5.0),
    Sampling(0.75, 50, 0.85, 1.0),
    Sampling(0.75, 50, 0.85, 10.0),
    Sampling(0.2, 50, 0.85, 2.0),
    Sampling(1.5, 50, 0.85, 2.0),
    Sampling(1.0, 5, 0.5, 5.0),
    Sampling(1.0, 1, 0.85, 5.0),
    Sampling(1.0, 0, 0.3, 5.0),
    Sampling(1.0, 0, 0.95, 1.5),
    Sampling(1.0, 200, 1.0, 1.5),
    Sampling(1.0, 0, 1.0, 0.8),
    Sampling(1.0, 3, 1e-9, 5.0),
)


def rows(config: ModelConfig) -> Iterator[Row]:
    """Logits of several shapes, with what was said among the likely ones, for every setting."""
    for number, sampling in enumerate(_SETTINGS):
        for spread in (1.0, 4.0, 12.0):
            name = f"sampler/{number}/{spread}"
            logits = uniform(name, config.audio_tokens) ** 3 * np.float32(spread) + np.float32(0.3)
            # The tokens that are penalised although nobody said them are likely ones here.
            logits[[1, config.start_audio]] = np.sort(logits)[[-2, -4]] + np.float32(0.01)
            said = np.concatenate([np.argsort(logits, kind="stable")[[-1, -3, 5]], tokens(name, 9, 0, 1024)])
            yield Row(name, logits, said.astype(np.int64), sampling)
    for top_k in (3, 50):  # as many as equal the last that is kept are kept with it
        name = f"sampler/equals/{top_k}"
        logits = np.floor(uniform(name, config.audio_tokens) * np.float32(40.0))
        yield Row(name, logits, tokens(name, 9, 0, 1024), Sampling(0.75, top_k, 1.0, 5.0))


@dataclass(frozen=True)
class Frames:
    """Latents of an utterance, to be vocoded."""

    name: str
    latents: Float
    """float32[tokens, width]."""

    speaker: Float
    """float32[512]."""

    speed: float


def frames(config: ModelConfig) -> Iterator[Frames]:
    """A few tokens, more than one window of them, and other speeds: of enough tokens that the reference heeds them."""
    for count, speed in ((3, 1.0), (24, 1.0), (8, 0.8), (8, 1.3)):
        latents = uniform(f"latents {count}", count, config.width) * np.float32(1.7)
        speaker = uniform(f"speaker {count}", config.speaker_width)
        speaker /= np.sqrt(np.square(speaker, dtype=np.float32).sum())
        yield Frames(f"vocoder/{count} tokens/{speed}", latents, speaker, speed)


def speech(name: str, seconds: float, rate: int) -> Float:
    """Something like a voice: pulses of a changing pitch through a resonance, over noise; 16-bit samples as floats.

    Whole-number arithmetic throughout: no two libraries differ in it.
    """
    count = int(seconds * rate)
    noise = (raw(name, count) >> np.uint64(48)).astype(np.int64) - 32768
    pulses = np.zeros(count, np.int64)
    place = 0
    while place < count:
        pulses[place] = 1 << 15
        place += rate // (90 + (place * 3 // rate) % 4 * 30)
    ring = np.array([1 << 12, 11 << 9, 1 << 12, -(1 << 11), -(1 << 12), -(1 << 11), 1 << 10, 1 << 11, 1 << 9], np.int64)
    voiced = np.convolve(pulses, np.repeat(ring, max(1, rate // 8000)))[:count] >> 13
    loudness = np.abs((np.arange(count, dtype=np.int64) * 5 // (rate // 40)) % 400 - 200)
    samples = (voiced * loudness + noise * (loudness + 20) // 8) >> 9
    scaled: Float = np.clip(samples, -32768, 32767).astype(np.float32) / np.float32(32768.0)
    return scaled


@dataclass(frozen=True)
class Clip:
    samples: Float
    rate: int
    """Hertz."""


@dataclass(frozen=True)
class Voice:
    """The recordings of one speaker."""

    name: str
    clips: tuple[Clip, ...]


def voices() -> Iterator[Voice]:
    """One that needs no resampling for the GPT, a short last piece, and one of two clips at other rates."""
    for name, clips in (
        ("one", ((5.0, 22_050),)),
        ("a short end", ((4.2, 24_000),)),
        ("two", ((2.6, 16_000), (2.3, 8_000))),
    ):
        made = tuple(Clip(speech(f"{name} {seconds}", seconds, rate), rate) for seconds, rate in clips)
        yield Voice(f"voice/{name}", made)


RATES: Final = (
    (8_000, 22_050),
    (16_000, 22_050),
    (24_000, 22_050),
    (44_100, 22_050),
    (48_000, 22_050),
    (22_050, 16_000),
)
"""From and to, hertz: what callers have, and what the speaker encoder wants."""


@dataclass(frozen=True)
class Resampled:
    name: str
    samples: Float
    before: int
    after: int


def resampled() -> Iterator[Resampled]:
    for before, after in RATES:
        name = f"resample/{before} to {after}"
        yield Resampled(name, speech(name, 0.11, before), before, after)


@dataclass(frozen=True)
class Heard:
    name: str
    samples: Float


def heard(rate: int) -> Iterator[Heard]:
    """Sound at `rate`, for the mel front ends: two lengths, and silence."""
    for seconds in (0.4, 0.75):
        yield Heard(f"{seconds}", speech(f"heard {seconds}", seconds, rate))
    yield Heard("silence", np.zeros(rate // 5, np.float32))
