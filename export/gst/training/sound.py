"""Recordings out of packages: decoded, trimmed, and laid end to end into passages long enough to have a rhythm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from export.runtime.prosody.pitch import RATE

Pcm = NDArray[np.int16]

SHORTEST_S, LONGEST_S = 2.4, 4.0
"""Of a passage."""
GAP_S = 0.08
"""Between two recordings in one."""
QUIET_DB = 40.0
"""What lies so far under the loudest of a recording's ends is cut off."""
SHORTEST_SOUND_S = 0.15
"""Less is a click."""

_RAW = {".g722": "g722", ".gsm": "gsm"}
"""Formats that a file does not tell by itself."""
_STEP = 160


def all_of(paths: Sequence[Path]) -> list[Pcm]:
    """Each recording that can be decoded: a few of the old files are none."""
    found = []
    for path in paths:
        try:
            found.append(decoded(path))
        except (av.error.PatchWelcomeError, av.error.InvalidDataError):
            continue
    return found


def decoded(path: Path) -> Pcm:
    """int16[n] at 16 kHz, one channel.

    Raises:
        av.error.FFmpegError: it is damaged, or of an unknown kind.
    """
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    parts = [np.zeros(0, np.int16)]
    with av.open(str(path), format=_RAW.get(path.suffix), metadata_errors="ignore") as container:
        for frame in (*container.decode(audio=0), None):  # None asks for what the filter still holds
            parts += [made.to_ndarray().reshape(-1) for made in resampler.resample(frame)]
    return np.concatenate(parts)


def trimmed(pcm: Pcm) -> Pcm:
    """Without the silence at its ends."""
    whole = pcm[: len(pcm) // _STEP * _STEP].astype(np.float64).reshape(-1, _STEP)
    level = np.sqrt(np.square(whole).mean(axis=1)) if len(whole) else np.zeros(0)
    loud = np.flatnonzero(level > level.max(initial=0.0) * 10 ** (-QUIET_DB / 20))
    return pcm[loud[0] * _STEP : (loud[-1] + 1) * _STEP] if len(loud) else pcm[:0]


def passages(recordings: Sequence[Pcm]) -> Iterator[Pcm]:
    """In their order: as many as it takes, cut off at the longest."""
    gap = np.zeros(round(GAP_S * RATE), np.int16)
    under_way: list[Pcm] = []
    for sound in map(trimmed, recordings):
        if len(sound) < SHORTEST_SOUND_S * RATE:
            continue
        under_way += [gap] * bool(under_way) + [sound]
        if sum(map(len, under_way)) >= SHORTEST_S * RATE:
            yield np.concatenate(under_way)[: round(LONGEST_S * RATE)]
            under_way = []


def spread_evenly(count: int, most: int) -> list[int]:
    """`most` of the numbers below `count`, or all, from the first to the last."""
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))
