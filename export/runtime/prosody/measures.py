"""Seven measures of how something was said, each a formula on a track. Knows no model and no speaker.

They are absolute: what counts is their difference from the same speaker's own, on the same kind of line.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.runtime.prosody.pitch import FRAME_S, Track, track

Float = NDArray[np.float32]

UNDER_TOP_DB = 25.0
"""Speech is what lies no further under the level that a twentieth of the frames exceeds."""
DIP_DB = 2.0
"""Two syllables are told apart by a dip of so much: N. H. de Jong, T. Wempe, 2009."""
LONGEST_SYLLABLE_S = 0.7
"""From one to the next; more is a pause."""
SHORTEST_PAUSE_S = 0.15
FEWEST_VOICED_S = 0.1
STEP_S = 0.05
"""Over which pitch is said to move."""


@dataclass(frozen=True, slots=True)
class Prosody:
    """NaN is what could not be measured: a single syllable has no rate, a whisper no pitch."""

    rate: float
    """Syllables a second, pauses left out; log2."""
    pitch: float
    """Median, Hz; log2."""
    spread: float
    """Quartile range of pitch, semitones; log2 of it and a half."""
    movement: float
    """Mean speed of pitch, semitones a second; log2 of it and 1."""
    dynamics: float
    """Deviation of the level while there is speech, dB."""
    pauses: float
    """Share of time in pauses between the first sound and the last."""
    tilt: float
    """Level of 1 to 3.4 kHz over that of 0.3 to 1 kHz while there is speech, dB."""


USUAL = Prosody(rate=2.4, pitch=7.45, spread=2.2, movement=4.6, dynamics=7.5, pauses=0.1, tilt=-9.0)
"""About the middle of the recordings that the encoder is trained on; the origin of the coordinates."""
UNIT = Prosody(rate=0.35, pitch=0.4, spread=0.7, movement=0.5, dynamics=1.0, pauses=0.15, tilt=4.0)
"""About their deviation; one step of the coordinates."""
FURTHEST = 3.0
"""Steps."""


def measured(pcm: NDArray[Any]) -> Prosody:
    """The prosody of int16[n] at 16 kHz."""
    found = track(pcm)
    speech = _speech(found)
    semitones = 12 * np.log2(found.hz[found.hz > 0])
    enough = len(semitones) * FRAME_S >= FEWEST_VOICED_S
    return Prosody(
        rate=_rate(found, speech),
        pitch=float(np.median(semitones)) / 12 if enough else np.nan,
        spread=spread(semitones) if enough else np.nan,
        movement=_movement(found) if enough else np.nan,
        dynamics=float(found.level_db[speech].std()) if speech.any() else np.nan,
        pauses=_pauses(speech),
        tilt=float(found.tilt_db[speech].mean()) if speech.any() else np.nan,
    )


def coordinates(prosody: Prosody) -> Float:
    """float32[7] about their middle, in steps; 0 for what could not be measured."""
    value, usual, unit = (np.array(astuple(one)) for one in (prosody, USUAL, UNIT))
    steps = np.clip((value - usual) / unit, -FURTHEST, FURTHEST)
    known: Float = np.nan_to_num(steps, nan=0.0).astype(np.float32)
    return known


def spread(semitones: NDArray[np.float64]) -> float:
    """As `Prosody.spread`, of pitch in semitones above anything."""
    low, high = np.percentile(semitones, [25, 75])
    return float(np.log2(high - low + 0.5))


def _speech(found: Track) -> NDArray[np.bool_]:
    top = np.percentile(found.level_db, 95)
    loud: NDArray[np.bool_] = found.level_db > top - UNDER_TOP_DB
    return loud


def _rate(found: Track, speech: NDArray[np.bool_]) -> float:
    gaps_s = np.diff(syllables(found.level_db, speech)) * FRAME_S
    gaps_s = gaps_s[gaps_s <= LONGEST_SYLLABLE_S]
    return float(-np.log2(gaps_s.mean())) if len(gaps_s) >= 2 else np.nan


def syllables(level_db: NDArray[np.float64], speech: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The frames at which syllables are loudest: tops with a dip between them."""
    middle = level_db[1:-1]
    tops = 1 + np.flatnonzero((middle > level_db[:-2]) & (middle >= level_db[2:]) & speech[1:-1])
    kept: list[int] = []
    for top in map(int, tops):
        if kept and min(level_db[kept[-1]], level_db[top]) - level_db[kept[-1] : top].min() < DIP_DB:
            if level_db[top] > level_db[kept[-1]]:
                kept[-1] = top
            continue
        kept.append(top)
    return np.array(kept, np.int64)


def _movement(found: Track) -> float:
    step = round(STEP_S / FRAME_S)
    runs = np.lib.stride_tricks.sliding_window_view(found.hz, step + 1)
    runs = runs[(runs > 0).all(axis=1)]
    if not len(runs):
        return np.nan
    speed = np.abs(12 * np.log2(runs[:, -1] / runs[:, 0])) / STEP_S
    return float(np.log2(speed.mean() + 1))


def _pauses(speech: NDArray[np.bool_]) -> float:
    at = np.flatnonzero(speech)
    if not len(at):
        return np.nan
    gaps = np.diff(at) - 1
    return float(gaps[gaps * FRAME_S >= SHORTEST_PAUSE_S].sum() / (at[-1] - at[0] + 1))
