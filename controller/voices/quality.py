"""What a recording is like, and whether a voice can be made of it. Knows samples; knows no model and no file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from controller.audio.levels import FULL_SCALE
from controller.audio.vad import WebRtcDetector
from controller.frames import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE, AudioFrame, Pcm
from controller.voices.profile import Band, Quality

SHORTEST_S: Final = 3.0
LONGEST_S: Final = 30.0
LEAST_SPEECH_S: Final = 2.0

RATES: Final = (8_000, 192_000)
"""Hertz that `xtts_conditioning` takes."""

SILENT_DBFS: Final = -70.0
QUIETEST_DBFS: Final = -45.0
LOUDEST_DBFS: Final = -6.0
"""Of the speech; louder than that is told and taken."""

LEAST_SNR_DB: Final = 8.0
GOOD_SNR_DB: Final = 15.0

MOST_CLIPPED: Final = 0.01
SOME_CLIPPED: Final = 0.001

HIGH_BAND_DB: Final = -30.0
"""What lies above 4.2 kHz by what lies in a telephone's band: wideband speech has -8 to -12, a line -42 or less."""

LEAST_UNEVEN: Final = 0.13
"""Share of frames that are far below a clip's mean level: speech has syllables and pauses, a tone or chord has not.

Measured: recorded prompts 0.14 to 0.48; of music on hold with a beat or held chords two thirds lie below.
"""

MOST_SNR_DB: Final = 60.0
"""Told where nothing at all is to be heard beside the speech."""

_AROUND_FRAMES: Final = 10
"""Kept before and behind the speech."""

_HANGS_FRAMES: Final = 6
"""For so long the detector goes on behind a voice: that is neither speech nor silence."""

_FLAT: Final = 3
"""Samples in a row at the top that are alike: no voice does that by itself."""


@dataclass(frozen=True, eq=False, slots=True)
class Take:
    """A recording, as it came."""

    name: str
    pcm: Pcm
    """int16[n], one channel"""
    rate: int
    """Hertz"""

    @property
    def seconds(self) -> float:
        return len(self.pcm) / self.rate


@dataclass(frozen=True, eq=False, slots=True)
class Heard:
    """A recording that was listened to."""

    take: Take
    quality: Quality
    speech: Pcm
    """From the first word to the last, int16[n] at the controller's rate"""
    trouble: str | None
    """Why no voice can be made of it, and what to do; None where one can"""


@dataclass(frozen=True, slots=True)
class Gates:
    """What a recording must be like for what is to be made of it."""

    shortest_s: float
    least_speech_s: float
    quietest_dbfs: float = QUIETEST_DBFS
    least_uneven: float = LEAST_UNEVEN
    most_clipped: float = MOST_CLIPPED
    least_snr_db: float = LEAST_SNR_DB


ENROLMENT: Final = Gates(SHORTEST_S, LEAST_SPEECH_S)
"""A voice is made of it, and spoken with for years."""


COMPARISON: Final = Gates(0.5, 0.5, SILENT_DBFS, 0.0, 1.0, -math.inf)
"""Somebody is told by it. Noise, clipping and music make it less like any voice and need no gate of their own: a call
is as it is, and nobody can record it again."""


def listen(take: Take, gates: Gates = ENROLMENT) -> Heard:
    """Measure a recording. 30 s take a tenth of a second."""
    rate_fits = RATES[0] <= take.rate <= RATES[1]
    if not max(gates.shortest_s, FRAME_S) <= take.seconds <= LONGEST_S or not rate_fits:
        nothing = Quality(take.seconds, 0.0, -96.0, 0.0, 0.0, "wideband")
        why = f"it lasts {take.seconds:.1f} s: record {gates.shortest_s:g} to {LONGEST_S:g} s"
        if not rate_fits:
            why = f"it has {take.rate} samples a second: record with 8000 to 192000"
        return Heard(take, nothing, take.pcm[:0], why)
    pcm = take.pcm
    if take.rate != SAMPLE_RATE:
        resampled = soxr.resample(pcm.astype(np.float64), take.rate, SAMPLE_RATE, quality="HQ")
        pcm = np.clip(np.rint(resampled), -32768, 32767).astype(np.int16)
    count = len(pcm) // FRAME_SAMPLES
    frames = pcm[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES)
    power = np.square(frames.astype(np.float64)).mean(axis=1) / FULL_SCALE**2
    voiced = _voiced(frames)
    quality = _quality(take, frames, power, voiced)
    speech = pcm[:0]
    if voiced.any():
        first, last = np.flatnonzero(voiced)[[0, -1]]
        speech = pcm[max(0, first - _AROUND_FRAMES) * FRAME_SAMPLES : (last + 1 + _AROUND_FRAMES) * FRAME_SAMPLES]
    return Heard(take, quality, speech, _trouble(quality, power, voiced, gates))


def _voiced(frames: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Of each frame, whether somebody speaks in it."""
    detector = WebRtcDetector()
    return np.array([detector.voiced(AudioFrame(frame, index)) for index, frame in enumerate(frames)], np.bool_)


def _quality(take: Take, frames: NDArray[np.int16], power: NDArray[np.float64], voiced: NDArray[np.bool_]) -> Quality:
    spoken = float(power[voiced].mean()) if voiced.any() else 0.0
    snr_db = _snr_db(spoken, power, voiced) if spoken else 0.0
    clipped = _clipped(take.pcm)
    band: Band = "telephone" if take.rate <= RATES[0] or _high_band_db(frames[voiced]) < HIGH_BAND_DB else "wideband"
    level = _db(spoken)
    warnings = []
    if spoken and snr_db < GOOD_SNR_DB:
        warnings.append(f"there is noise in it (speech is {snr_db:.0f} dB above): a quieter room gives a better voice")
    if clipped > SOME_CLIPPED:
        warnings.append("it is clipped here and there: turn the microphone down")
    if level > LOUDEST_DBFS:
        warnings.append(f"it is very loud ({level:.0f} dB): turn the microphone down")
    if band == "telephone":
        warnings.append("it has a telephone's band only: a microphone gives a better voice")
    return Quality(
        seconds=round(take.seconds, 2),
        speech_s=round(float(voiced.sum()) * FRAME_S, 2),
        level_dbfs=round(level, 1),
        snr_db=round(snr_db, 1),
        clipped=round(clipped, 5),
        band=band,
        warnings=tuple(warnings),
    )


def _trouble(quality: Quality, power: NDArray[np.float64], voiced: NDArray[np.bool_], gates: Gates) -> str | None:
    loud = _db(float(np.percentile(power, 95)))
    if loud < SILENT_DBFS:
        return "it is silent: check the microphone, and record it again"
    if max(loud, quality.level_dbfs) < gates.quietest_dbfs:
        return f"it is too quiet ({loud:.0f} dB): speak closer to the microphone"
    if quality.speech_s < gates.least_speech_s:
        return (
            f"there are {quality.speech_s:.1f} s of speech in it: speak for at least {gates.least_speech_s:g} s, "
            "without music or noise"
        )
    if _unevenness(power) < gates.least_uneven:
        return "it sounds like music or a tone, not like somebody who speaks: record speech alone"
    if quality.clipped > gates.most_clipped:
        return f"it is clipped ({quality.clipped:.0%} of its samples): turn the microphone down, and record it again"
    if quality.snr_db < gates.least_snr_db:
        return (
            f"it is too noisy (speech is {quality.snr_db:.0f} dB above the noise, {gates.least_snr_db:g} are the "
            "least): record it in a quieter room"
        )
    return None


def _snr_db(spoken: float, power: NDArray[np.float64], voiced: NDArray[np.bool_]) -> float:
    """Of the speech over the quieter half of what lies between; over the quietest tenth where nothing does."""
    after = np.convolve(voiced, np.ones(_HANGS_FRAMES + 1), "full")[: len(voiced)] > 0
    between = np.sort(power[~after])
    between = between[: max(1, len(between) // 2)] if len(between) >= 10 else np.sort(power)[: max(1, len(power) // 10)]
    noise = float(between.mean())
    return min(MOST_SNR_DB, _db(max(spoken - noise, 0.0)) - _db(noise))


def _clipped(pcm: Pcm) -> float:
    """Share of samples that lie in a row, alike, at the top or the bottom."""
    wide = np.abs(pcm.astype(np.int32))
    top = wide >= 0.98 * wide.max(initial=1)
    flat = top[1:] & top[:-1] & (pcm[1:] == pcm[:-1])
    rows = np.convolve(flat, np.ones(_FLAT - 1), "valid") >= _FLAT - 1
    return float(rows.sum()) / max(1, len(pcm))


def _high_band_db(frames: NDArray[np.int16]) -> float:
    if not len(frames):
        return 0.0
    spectrum = np.square(np.abs(np.fft.rfft(frames * np.hanning(FRAME_SAMPLES), axis=1))).mean(axis=0)
    hertz = np.fft.rfftfreq(FRAME_SAMPLES, 1 / SAMPLE_RATE)
    high = spectrum[(hertz >= 4200) & (hertz <= 7600)].mean()
    low = spectrum[(hertz >= 300) & (hertz <= 3400)].mean()
    return _db(float(high)) - _db(float(low))


def _unevenness(power: NDArray[np.float64]) -> float:
    """Share of frames whose level is less than half of the mean."""
    level = np.sqrt(power)
    return float((level < 0.5 * level.mean()).mean())


def _db(power: float) -> float:
    return 10.0 * float(np.log10(max(power, 10.0**-9.6)))
