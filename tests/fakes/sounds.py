"""Sounds for tests at a telephone's rate, and how to find them again in what was heard."""

from __future__ import annotations

import numpy as np
import soxr

from controller.frames import Pcm

RATE = 8000


def speech_like(seconds: float, seed: int) -> Pcm:
    """Noise of the telephone band in syllables: no stretch of it is like another."""
    random = np.random.default_rng(seed)
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(random.standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 3000)] = 0
    noise = np.fft.irfft(spectrum, count)
    syllables = np.repeat(random.uniform(0.2, 1, -(-count // 1000)), 1000)[:count]
    pcm: Pcm = np.rint(noise / np.abs(noise).max() * syllables * 20_000).astype(np.int16)
    return pcm


def likeness(said: Pcm, heard: Pcm, *, piece_s: float = 0.5) -> float:
    """Median over pieces of `said` of their best correlation anywhere in `heard`.

    At 8 times the rate, because the two resamplers on the way delay by a fraction of a sample; in pieces,
    because a recording leaves out what was lost: the more is lost, the shorter they must be. Of 0.1 s, a piece that
    is not there at all comes to 0.2.
    """
    up = 8
    count = round(piece_s * RATE)
    if len(heard) < count:
        return 0.0
    where = soxr.resample(heard.astype(np.float64), RATE, RATE * up)
    length = count * up
    size = len(where) + length
    spectrum = np.fft.rfft(where, size)
    power = np.concatenate([[0.0], np.cumsum(where**2)])
    found = []
    for start in range(0, len(said) - count + 1, count):
        piece = soxr.resample(said[start : start + count].astype(np.float64), RATE, RATE * up)[:length]
        piece = np.pad(piece, (0, length - len(piece)))
        match = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)[: len(where) - length]
        energy = power[length : length + len(match)] - power[: len(match)]
        scale = np.sqrt(np.maximum(energy, energy.max() * 1e-3) * (piece**2).sum())
        found.append(float((match / scale).max()))
    return float(np.median(found))


def found_at(said: Pcm, heard: Pcm) -> tuple[int, float]:
    """The sample of `heard` at which `said` begins, and its gain there: 1 where it came through as it was.

    It is looked for at every place where all of it fits.
    """
    places = len(heard) - len(said) + 1
    assert places > 0, "what was heard is shorter than what was said"
    size = len(heard) + len(said)
    one, other = (np.fft.rfft(pcm.astype(np.float64), size) for pcm in (said, heard))
    match = np.fft.irfft(other * np.conj(one), size)[:places]
    best = int(np.argmax(match))
    return best, float(match[best] / max(1.0, (said.astype(np.float64) ** 2).sum()))


def gain_of(said: Pcm, heard: Pcm) -> float:
    """How loud `said` is in `heard`, wherever it is."""
    return found_at(said, heard)[1]
