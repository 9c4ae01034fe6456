"""What the scripted Deepgram hears with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np

from controller.frames import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE, Pcm
from controller.triton.client import TritonClient
from controller.triton.contracts import recognise

BASE = 1000
STEP = 20
"""A frame of word n holds nothing but samples of BASE + n * STEP."""

QUIET = 300
"""No sample of silence is louder: -41 dBFS."""

LEAST_FRAMES = 3
"""As much of a word is understood; of less of it nothing is heard. So a word that is cut in two is heard twice."""


@dataclass(frozen=True)
class Spoken:
    """A word with its place in the audio that was heard, in seconds."""

    text: str
    start_s: float
    end_s: float


class Ears(Protocol):
    """Whatever understands audio."""

    @property
    def hears_partials(self) -> bool:
        """False where asking again and again would cost too much."""
        ...

    @property
    def hears_pauses(self) -> bool:
        """Whether a pause of the speaker's ends a sentence; if not, all is told when Deepgram is asked to finish."""
        ...

    async def hear(self, pcm: Pcm) -> list[Spoken]:
        """The words in int16[n] at 16 kHz."""
        ...


def code(number: int) -> Pcm:
    """A frame of the word `number`, int16[320]."""
    return np.full(FRAME_SAMPLES, BASE + number * STEP, np.int16)


class CodedEars:
    """Knows the words by their numbers."""

    hears_partials = True
    hears_pauses = True

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    async def hear(self, pcm: Pcm) -> list[Spoken]:
        found: list[Spoken] = []
        at = 0
        for level, run in groupby(int(one) for one in pcm[FRAME_SAMPLES // 2 :: FRAME_SAMPLES]):
            frames = len(list(run))
            if level and frames >= LEAST_FRAMES:
                text = self._words[(level - BASE) // STEP]
                found.append(Spoken(text, at * FRAME_S, (at + frames) * FRAME_S))
            at += frames
        return found


class WhisperEars:
    """The offline recogniser on Triton: with it the stand-in really hears."""

    hears_partials = False

    def __init__(self, triton: TritonClient, language: str, *, hears_pauses: bool = False) -> None:
        self._triton = triton
        self._language = language
        self.hears_pauses = hears_pauses

    async def hear(self, pcm: Pcm) -> list[Spoken]:
        heard = await recognise(self._triton, pcm, self._language, urgent=True, deadline_s=30.0)
        voiced_s = voiced(pcm) / SAMPLE_RATE  # Whisper's words end late, Deepgram's where they do
        return [Spoken(one.word.strip(), min(one.start_s, voiced_s), min(one.end_s, voiced_s)) for one in heard.words]


def voiced(pcm: Pcm) -> int:
    """Samples until the last that is no silence; 0 where all of it is."""
    found = np.flatnonzero(np.abs(pcm.astype(np.int32)) > QUIET)
    return int(found[-1]) + 1 if len(found) else 0
