"""What a telephone line does to a sound: G.711 mu-law and A-law, 8 kHz, 300 to 3400 Hz. Knows samples only."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import soxr

from controller.frames import SAMPLE_RATE, Pcm

LINE_RATE: Final = 8000
"""Hertz"""

BAND: Final = (300.0, 3400.0)
"""Hertz that a line lets through"""

_EDGE: Final = 100.0
"""Hertz over which the band begins and ends."""

_LOUDEST: Final = 32635
_BIAS: Final = 132


def mulaw(pcm: Pcm) -> bytes:
    """ITU-T G.711: a sign, the segment (a power of two) and four bits within it, all inverted."""
    wide = pcm.astype(np.int32)
    level = np.minimum(np.abs(wide), _LOUDEST) + _BIAS
    segment = np.frexp(level)[1] - 8
    code = np.where(wide < 0, 0x80, 0) | segment << 4 | level >> segment + 3 & 0x0F
    return bytes((~code & 0xFF).astype(np.uint8))


def _mulaw_levels() -> Pcm:
    bits = ~np.arange(256) & 0xFF
    level = (((bits & 0x0F) << 3) + _BIAS << (bits >> 4 & 7)) - _BIAS
    return np.where(bits & 0x80, -level, level).astype(np.int16)


def _alaw_levels() -> Pcm:
    bits = np.arange(256) ^ 0x55
    segment = bits >> 4 & 7
    step = ((bits & 0x0F) << 4) + 8
    level = np.where(segment == 0, step, (step + 0x100) << np.maximum(segment - 1, 0))
    return np.where(bits & 0x80, level, -level).astype(np.int16)


MULAW: Final = _mulaw_levels()
ALAW: Final = _alaw_levels()
"""What each of the 256 codes stands for: int16[256]."""


def telephone(pcm: Pcm) -> Pcm:
    """A sound at SAMPLE_RATE, int16[n], as it comes out of a mu-law line: int16[n]."""
    narrow = soxr.resample(_through_the_band(pcm), SAMPLE_RATE, LINE_RATE, quality="HQ")
    heard = MULAW[np.frombuffer(mulaw(_pcm(narrow)), np.uint8)].astype(np.float64)
    wide = _pcm(soxr.resample(heard, LINE_RATE, SAMPLE_RATE, quality="HQ"))
    return np.pad(wide[: len(pcm)], (0, max(0, len(pcm) - len(wide))))


def _through_the_band(pcm: Pcm) -> npt.NDArray[np.float64]:
    low, high = BAND
    spectrum = np.fft.rfft(pcm.astype(np.float64))
    hertz = np.fft.rfftfreq(len(pcm), 1 / SAMPLE_RATE)
    rises = np.clip((hertz - low) / _EDGE + 0.5, 0.0, 1.0)
    falls = np.clip((high - hertz) / _EDGE + 0.5, 0.0, 1.0)
    return np.fft.irfft(spectrum * rises * falls, len(pcm))


def _pcm(samples: npt.NDArray[np.float64]) -> Pcm:
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
