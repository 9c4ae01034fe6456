"""Learns an echo's path from the last frames heard, a piece at a time: in one go it would hold every leg's tick.

Knows no delay search, no voice activity, no call.
"""

from __future__ import annotations

from controller.audio.echo_cancel import FFT, Canceller, Reference
from controller.audio.levels import mean_square
from controller.audio.track import Samples
from controller.frames import FRAME_SAMPLES

FRAMES = 20
"""What a path is learned from at first: the last 400 ms."""

PLAYED = (FRAMES - 1) * FRAME_SAMPLES + FFT
"""Samples that were played before the end of the last of these frames, and can be heard in them."""

HEARD = FRAMES * FRAME_SAMPLES

_PASSES = 4
_PIECE = 40
"""Frames learned from at once: about 2 ms, and two ticks. Spread over more, a lesson ends when somebody speaks already:
of 479 sentences over an echo 3 were lost with four ticks or sixteen, 1 with two as with one."""


class Lesson:
    """A path on its way."""

    def __init__(self, played: Samples, heard: Samples, delay_s: float, known: Canceller | None) -> None:
        """
        Args:
            played: float32[PLAYED], already at the delay.
            heard: float32[HEARD].
            delay_s: for whoever asks; moved on by whoever sees it jump meanwhile.
            known: a path to go on from.
        """
        self.delay_s = delay_s
        strength = float(mean_square(heard) / (1.0 + mean_square(played)))
        self._canceller = Canceller(min(1.0, strength), known)
        self._played, self._heard = played.copy(), heard.reshape(FRAMES, FRAME_SAMPLES).copy()
        self.heard = self.left = self._heard[-1]
        """The last frame, and what the path leaves of it."""
        self._references: list[Reference] = []
        self._step = 0

    @property
    def over(self) -> bool:
        return self._step >= _PASSES * FRAMES

    def go_on(self) -> Canceller | None:
        """Learn a piece; the path once it is `over`."""
        for _ in range(_PIECE):
            frame = self._step % FRAMES
            if frame == 0:
                self._canceller.doubt()
            if len(self._references) == frame:
                start = frame * FRAME_SAMPLES
                self._references.append(Reference.of(self._played[start : start + FFT]))
            self.left = self._canceller.cancel(self._references[frame], self._heard[frame])
            self._step += 1
        return self._canceller if self.over else None
