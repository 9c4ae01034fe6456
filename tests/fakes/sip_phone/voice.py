"""What a phone says: pieces placed on the call's time axis, and, of a phone with a loud speaker, what it hears."""

from __future__ import annotations

import numpy as np

from controller.audio.levels import gain
from controller.frames import Pcm
from tests.fakes.sip_phone.track import Track

RATE = 8000
FRAME = RATE // 50


class Voice:
    """The sum of everything that is to be said, frame by frame."""

    def __init__(self, ears: Track) -> None:
        self._ears = ears
        self._pieces: list[tuple[int, Pcm]] = []
        self._loop: tuple[float, int] | None = None
        self._music: Pcm | None = None

    def say(self, pcm: Pcm, start: int) -> None:
        """int16 at 8 kHz from sample `start` on, added to what is said then anyway."""
        self._pieces.append((start, pcm))

    def loop(self, gain_db: float, delay_s: float) -> None:
        """Say what is heard, `delay_s` later."""
        self._loop = gain(gain_db), round(delay_s * RATE)

    def hold(self, music: Pcm | None) -> None:
        """Until None is given, say this over and over and nothing else."""
        self._music = music

    def frame(self, start: int) -> Pcm:
        """int16[160] from sample `start` of the call on."""
        if self._music is not None:
            return self._music[(start + np.arange(FRAME)) % len(self._music)]
        mixed = np.zeros(FRAME, np.float64)
        for begin, pcm in self._pieces:
            first, last = max(start, begin), min(start + FRAME, begin + len(pcm))
            if first < last:
                mixed[first - start : last - start] += pcm[first - begin : last - begin]
        self._pieces = [(begin, pcm) for begin, pcm in self._pieces if begin + len(pcm) > start]
        if self._loop is not None:
            factor, delay = self._loop
            mixed += factor * self._ears.read(start - delay, start - delay + FRAME)
        return np.rint(np.clip(mixed, -32768, 32767)).astype(np.int16)
