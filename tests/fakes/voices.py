"""Something like a voice, with a pitch, a swing and syllables that a test decides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 16_000


def voice(
    seconds: float = 3.0, *, hz: float = 140.0, swing: float = 2.0, syllables: float = 4.0, loudness: float = 0.2
) -> NDArray[np.int16]:
    """Harmonics of a pitch that swings by semitones, louder and quieter with each syllable; int16 at 16 kHz."""
    times = np.arange(round(seconds * RATE)) / RATE
    pitch = hz * 2 ** (swing / 12 * np.sin(2 * np.pi * 0.9 * times))
    turn = 2 * np.pi * np.cumsum(pitch) / RATE
    sound = np.sum([np.sin(k * turn) / k for k in range(1, 25)], axis=0)
    beat = 0.02 + np.square(np.sin(np.pi * syllables * times))
    noise = np.random.default_rng(0).normal(0, 1e-3, len(times))
    pcm: NDArray[np.int16] = (np.clip(loudness * beat * sound + noise, -1, 1) * 32_767).astype(np.int16)
    return pcm
