"""A G.711 phone whose loudspeaker feeds its microphone, for tests of the echo guard: whole signals, no network."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import soxr

from controller.audio.levels import gain
from controller.frames import SAMPLE_RATE, Pcm
from controller.stack.wav import PHONE_RATE

Signal = npt.NDArray[np.float64]

LINE_NOISE = 6.0
"""Root mean square of the noise at the microphone: -75 dBFS."""


def mu_law(pcm: Signal) -> Signal:
    """There and back through G.711 mu-law: 14 bits, chords of 16 steps (ITU-T G.711, table 2a)."""
    magnitude = np.minimum(np.abs(pcm) / 4.0, 8158.0) + 33.0
    chord = np.floor(np.log2(magnitude)) - 5.0
    step = np.exp2(chord + 1.0)
    quantised = (np.floor(magnitude / step) + 0.5) * step - 33.0
    return np.sign(pcm) * np.maximum(quantised, 0.0) * 4.0


def to_phone(pcm: Pcm | Signal) -> Signal:
    """What a phone hears of samples at the controller's rate, at 8 kHz."""
    narrow = soxr.resample(np.asarray(pcm, np.float64), SAMPLE_RATE, PHONE_RATE)
    return mu_law(cast(Signal, narrow))


def from_phone(microphone: Signal) -> Pcm:
    """What the controller gets of what a phone's microphone took up at 8 kHz."""
    wide = soxr.resample(mu_law(np.clip(microphone, -32635, 32635)), PHONE_RATE, SAMPLE_RATE)
    return cast(Pcm, np.clip(np.rint(wide), -32768, 32767).astype(np.int16))


def plain_path() -> Signal:
    """Loudspeaker and microphone wired together."""
    return np.ones(1)


def room_path(seed: int = 0, tail_ms: float = 30.0) -> Signal:
    """A small loudspeaker (500 to 3000 Hz) in a hand's breadth of room: a decaying tail, unit energy, at 8 kHz."""
    random = np.random.default_rng(seed)
    time = np.arange(64) - 32
    low, high = 500 / PHONE_RATE * 2, 3000 / PHONE_RATE * 2
    speaker = (high * np.sinc(high * time) - low * np.sinc(low * time)) * np.hanning(64)
    length = round(tail_ms / 1000 * PHONE_RATE)
    room = random.normal(size=length) * np.exp(-4.6 * np.arange(length) / length) * 0.3
    room[0] = 1.0
    path = np.convolve(speaker, room)
    return cast(Signal, path / np.sqrt(np.sum(np.square(path))))


def loop(sent: Pcm, *, echo_db: float, delay_ms: float, path: Signal | None = None) -> Signal:
    """The echo of `sent` (controller's rate) at the phone's microphone, 8 kHz, as long as `sent`."""
    heard = to_phone(sent) * gain(echo_db)
    if path is not None:
        heard = np.convolve(heard, path)
    delayed = np.concatenate([np.zeros(round(delay_ms / 1000 * PHONE_RATE)), heard])
    return delayed[: len(sent) * PHONE_RATE // SAMPLE_RATE]


def noise(samples: int, seed: int, level: float = LINE_NOISE) -> Signal:
    """Line noise at 8 kHz."""
    return np.random.default_rng(seed).normal(scale=level, size=samples)
