"""What somebody said without a pause, as sound: put together from what a recogniser is fed, echo already cancelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller.frames import FRAME_S, SAMPLE_RATE, AudioFrame, Pcm
from controller.messages import SpeechEnded, SpeechStarted, VoiceEvent


@dataclass(frozen=True, eq=False, slots=True)
class Turn:
    """From somebody's first word to their last before a pause."""

    pcm: Pcm
    """int16[n] at the controller's rate, without what the speaker's own phone played back"""

    @property
    def seconds(self) -> float:
        return len(self.pcm) / SAMPLE_RATE


class Turns:
    """Of one speaker."""

    def __init__(self) -> None:
        self._frames: list[AudioFrame] = []
        self._next = 0
        """Frames before this one were given already: an endpointer gives some twice."""

    def push(self, event: VoiceEvent) -> Turn | None:
        """Take what a recogniser is fed, in the same order; returns the turn that ends with it."""
        match event:
            case SpeechStarted():
                self._frames = []
            case AudioFrame():
                if event.index >= self._next:
                    self._frames.append(event)
            case SpeechEnded():
                self._next = round(event.span.end_s / FRAME_S)
                said = [one.pcm for one in self._frames if one.index < self._next]
                self._frames = []
                return Turn(np.concatenate(said)) if said else None
            case _:
                pass
        return None
