"""The last seconds of a signal, addressed by absolute sample on the call's clock.

Frames are laid down together when they are asked for: most only pass by, and one costs nearly as much as ten.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from controller.frames import FRAME_SAMPLES, SAMPLE_RATE, Pcm

Samples = npt.NDArray[np.float32]

_SECONDS = 4
_KEPT = SAMPLE_RATE
"""Samples that can always be asked for again: one second."""

_MOST_COMING = 25
"""Frames that are laid down though nobody has asked for them."""


class Track:
    """Frames in, windows out; what never came is silence."""

    def __init__(self) -> None:
        self._samples = np.zeros(_SECONDS * SAMPLE_RATE, np.float32)
        self._base = 0
        """Absolute number of the buffer's first sample."""
        self._coming: list[Pcm | Samples] = []
        """The last frames, in a row, that are not in the buffer yet."""
        self.end = 0
        """Absolute number of the sample after the last."""

    def put(self, index: int, pcm: Pcm | Samples) -> None:
        """Append the frame with this index, [FRAME_SAMPLES]. One whose place is past is left out. It must not change
        any more."""
        start = index * FRAME_SAMPLES
        if start < self.end:
            return
        if start > self.end or len(self._coming) >= _MOST_COMING:
            self._lay_down()
        if start > self.end:
            self._make_room(self.end, start)
            self._samples[max(0, self.end - self._base) : start - self._base] = 0.0
        self._coming.append(pcm)
        self.end = start + FRAME_SAMPLES

    def last(self, end: int, count: int) -> Samples:
        """The `count` samples before the absolute sample `end`: float32, a view where they are all there."""
        if self._coming:
            self._lay_down()
        begin = end - count - self._base
        if begin >= 0 and end <= self.end:
            return self._samples[begin : begin + count]
        found = np.zeros(count, np.float32)
        first, last = max(begin, 0), min(end, self.end) - self._base
        if last > first:
            found[first - begin : last - begin] = self._samples[first:last]
        return found

    def _lay_down(self) -> None:
        """Put what has come into the buffer."""
        coming = self._coming
        if coming:
            start = self.end - len(coming) * FRAME_SAMPLES
            self._make_room(start, self.end)
            self._samples[start - self._base : self.end - self._base] = np.concatenate(coming)
            coming.clear()

    def _make_room(self, laid: int, end: int) -> None:
        """Let go of the oldest where the buffer, filled up to the absolute sample `laid`, does not reach to `end`."""
        if end - self._base <= len(self._samples):
            return
        base = max(0, end - _KEPT - _MOST_COMING * FRAME_SAMPLES)
        kept = self._samples[base - self._base : max(0, laid - self._base)].copy()
        self._samples[: len(kept)] = kept
        self._base = base
