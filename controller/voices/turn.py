"""What somebody said without a pause, as sound: put together from what a recogniser is fed, echo already cancelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller.frames import FRAME_S, AudioFrame, Pcm
from controller.messages import SpeechEnded, SpeechStarted, VoiceEvent


@dataclass(frozen=True, eq=False, slots=True)
class Turn:
    """From somebody's first word to their last before a pause."""

    pcm: Pcm
    """int16[n] at the controller's rate, without what the speaker's own phone played back"""


class Turns:
    """Of one speaker."""

    def __init__(self) -> None:
        self._frames: list[AudioFrame] = []

    def push(self, event: VoiceEvent) -> Turn | None:
        """Take what a recogniser is fed, in the same order; returns the turn that ends with it."""
        if isinstance(event, AudioFrame):
            self._frames.append(event)
        elif isinstance(event, SpeechStarted):
            self._frames = []
        elif isinstance(event, SpeechEnded):
            end = round(event.span.end_s / FRAME_S)
            said = [one.pcm for one in self._frames if one.index < end]
            self._frames = []
            return Turn(np.concatenate(said)) if said else None
        return None
