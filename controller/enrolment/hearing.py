"""A recording as somebody speaks it: when it is over, and what is wrong with it. Knows frames; knows no call."""

from __future__ import annotations

from typing import Final

import numpy as np

from controller.audio.vad import WebRtcDetector
from controller.enrolment.sentences import Sentence
from controller.frames import FRAME_S, SAMPLE_RATE, AudioFrame, Pcm
from controller.voices.quality import (
    LEAST_SNR_DB,
    LEAST_SPEECH_S,
    LONGEST_S,
    MOST_CLIPPED,
    QUIETEST_DBFS,
    SHORTEST_S,
    Heard,
    Take,
)

ENDS_S: Final = 1.5
"""Silence after enough speech that ends a recording: longer than one takes a breath, or thinks."""

WAITS_S: Final = 6.0
"""Silence that ends one in which too little was said."""

ENOUGH_S: Final = LEAST_SPEECH_S + 1.0
"""Net speech after which a pause may be the end."""

LEAD_S: Final = 0.5
"""Kept before the first word: a voice is made of it as it is, with the room around it."""

MOST_S: Final = LONGEST_S - 0.5


class Listening:
    """To one recording, frame by frame. Done where `done` says so."""

    def __init__(self) -> None:
        self._detector = WebRtcDetector()
        self._frames: list[Pcm] = []
        self._voiced = 0
        self._last_voiced = -1
        self._first_voiced = -1

    def push(self, pcm: Pcm) -> None:
        """20 ms, int16[320]."""
        if self.done:
            return
        index = len(self._frames)
        self._frames.append(pcm)
        if self._detector.voiced(AudioFrame(pcm, index)):
            self._voiced += 1
            self._last_voiced = index
            if self._first_voiced < 0:
                self._first_voiced = index

    @property
    def done(self) -> bool:
        """They have stopped, or never began, or could go on for ever."""
        count = len(self._frames)
        silent_s = (count - 1 - self._last_voiced) * FRAME_S
        spoken_s = self._voiced * FRAME_S
        return silent_s >= (ENDS_S if spoken_s >= ENOUGH_S else WAITS_S) or (count - self._begin) * FRAME_S >= MOST_S

    @property
    def _begin(self) -> int:
        """The first frame that is kept."""
        return max(0, self._first_voiced - round(LEAD_S / FRAME_S))

    def take(self, name: str) -> Take:
        """What was said, from a little before the first word."""
        kept = self._frames[self._begin :]
        return Take(name, np.concatenate(kept) if kept else np.zeros(0, np.int16), SAMPLE_RATE)


def what_to_say(heard: Heard) -> Sentence | None:
    """Why a recording cannot be used, in words for whoever made it; None where it can."""
    if heard.trouble is None:
        return None
    quality = heard.quality
    if quality.seconds < SHORTEST_S or quality.speech_s < LEAST_SPEECH_S:
        return Sentence.SHORT
    if quality.level_dbfs < QUIETEST_DBFS:
        return Sentence.QUIET
    if quality.clipped > MOST_CLIPPED:
        return Sentence.CLIPPED
    return Sentence.NOISY if quality.snr_db < LEAST_SNR_DB else Sentence.UNCLEAR
