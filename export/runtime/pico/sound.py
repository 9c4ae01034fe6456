"""What is done to synthesised sound before it goes out: silence trimmed, level set, cut into chunks.

Knows int16 samples; knows no voice.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

LEAD_S = 0.010
TAIL_S = 0.100
"""Silence kept at the ends of an utterance. Pico itself pads 0.02-0.16 s before and 0.5-1.0 s behind."""

SENTENCE_PAUSE_S = 0.300
CLAUSE_PAUSE_S = 0.120
"""Pauses between the pieces of an utterance, tail and lead included."""

HURRIED_PAUSE_S = 0.120
"""The longest pause within an utterance that is spoken faster; Pico's own do not follow its speed. No shorter: a stop
consonant is silent for up to 0.1 s. (Forty prompts played through 1.2 s apart: backlog p95 0.1 to 0.2 s less.)"""

ACTIVE_DBFS = -20.0
"""The speech level: that of telephone prompts and of people on the phone (-18 to -22 dBFS), so that the voice mixed
with a ducked original stays clear of the limit and the ducking means what it says."""

PEAK_DBFS = -3.0
SILENT_DBFS = -45.0
"""Frames quieter than this are silence: behind the last word Pico leaves noise of up to -46 dBFS for half a second."""

FRAME_S = 0.005
FIRST_CHUNK_S = 0.2
CHUNK_S = 0.4
"""A small first chunk is soon there; larger ones after it cost fewer messages."""


def speech_bounds(pcm: Samples, rate: int) -> tuple[int, int] | None:
    """The first and one past the last sample of speech; None where there is none."""
    loud = np.flatnonzero(_frame_rms(pcm, rate) > _amplitude(SILENT_DBFS))
    if not len(loud):
        return None
    frame = int(rate * FRAME_S)
    return int(loud[0]) * frame, min(len(pcm), (int(loud[-1]) + 1) * frame)


def trimmed(pcm: Samples, rate: int, *, lead_s: float, tail_s: float) -> Samples:
    """The speech in `pcm` between exactly `lead_s` and `tail_s` seconds of near silence; empty where there is none."""
    bounds = speech_bounds(pcm, rate)
    if bounds is None:
        return np.zeros(0, np.int16)
    lead, tail = int(lead_s * rate), int(tail_s * rate)
    padded = np.pad(pcm, (lead, tail))
    return padded[bounds[0] : bounds[1] + lead + tail]


def without_pauses(pcm: Samples, rate: int, *, longest_s: float) -> Samples:
    """`pcm` with each silence inside it cut, in its middle, to `longest_s` seconds; the ends as they are."""
    loud = np.flatnonzero(_frame_rms(pcm, rate) > _amplitude(SILENT_DBFS))
    frame, longest = int(rate * FRAME_S), int(longest_s * rate)
    kept = np.ones(len(pcm), bool)
    for number in np.flatnonzero((np.diff(loud) - 1) * frame > longest):
        begin, end = (loud[number] + 1) * frame + longest // 2, loud[number + 1] * frame - (longest - longest // 2)
        kept[begin:end] = False
    return pcm[kept]


def levelled(pcm: Samples, rate: int) -> Samples:
    """`pcm` with its speech at ACTIVE_DBFS, less where a peak would pass PEAK_DBFS."""
    rms = _frame_rms(pcm, rate)
    active = rms[rms > _amplitude(SILENT_DBFS)]
    if not len(active):
        return pcm
    level = float(np.sqrt(np.mean(active**2)))
    peak = float(np.abs(pcm.astype(np.int32)).max())
    gain = min(_amplitude(ACTIVE_DBFS) / level, _amplitude(PEAK_DBFS) / peak)
    scaled: Samples = np.round(pcm * gain).astype(np.int16)
    return scaled


def chunks(parts: Iterator[Samples], rate: int) -> Iterator[tuple[Samples, bool]]:
    """Chunks of a stream of parts, each with whether it is the last.

    One sample count is held back, so that the last is known; nothing at all comes from an empty stream.
    """
    size = int(FIRST_CHUNK_S * rate)
    held = np.zeros(0, np.int16)
    for part in parts:
        held = np.concatenate([held, part])
        while len(held) > size:
            yield held[:size].copy(), False
            held = held[size:]
            size = int(CHUNK_S * rate)
    if len(held):
        yield held, True


def _frame_rms(pcm: Samples, rate: int) -> NDArray[np.float64]:
    frame = int(rate * FRAME_S)
    padded = np.pad(pcm, (0, -len(pcm) % frame)).astype(np.float64)
    rms: NDArray[np.float64] = np.sqrt(np.mean(padded.reshape(-1, frame) ** 2, axis=1))
    return rms


def _amplitude(dbfs: float) -> float:
    return float(32768.0 * 10.0 ** (dbfs / 20.0))
