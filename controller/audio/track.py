"""The last seconds of a signal, addressed by absolute sample on the call's clock."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from controller.frames import FRAME_SAMPLES, SAMPLE_RATE, Pcm

Samples = npt.NDArray[np.float32]

_SECONDS = 4
_KEPT = SAMPLE_RATE
"""Samples that can always be asked for again: one second."""


class Track:
    """Frames in, windows out; what never came is silence."""

    def __init__(self) -> None:
        self._samples = np.zeros(_SECONDS * SAMPLE_RATE, np.float32)
        self._base = 0
        """Absolute number of the buffer's first sample."""
        self.end = 0
        """Absolute number of the sample after the last."""

    def put(self, index: int, pcm: Pcm | Samples) -> None:
        """Append the frame with this index, [FRAME_SAMPLES]. One whose place is past is left out."""
        start = index * FRAME_SAMPLES
        if start < self.end:
            return
        if start + FRAME_SAMPLES - self._base > len(self._samples):
            self._move(max(0, start - _KEPT))
        place = start - self._base
        if start > self.end:
            self._samples[max(0, self.end - self._base) : place] = 0.0
        self._samples[place : place + FRAME_SAMPLES] = pcm
        self.end = start + FRAME_SAMPLES

    def last(self, end: int, count: int) -> Samples:
        """The `count` samples before the absolute sample `end`: float32, a view where they are all there."""
        begin = end - count - self._base
        if begin >= 0 and end <= self.end:
            return self._samples[begin : begin + count]
        found = np.zeros(count, np.float32)
        first, last = max(begin, 0), min(end, self.end) - self._base
        if last > first:
            found[first - begin : last - begin] = self._samples[first:last]
        return found

    def _move(self, base: int) -> None:
        """Let go of what is before the absolute sample `base`."""
        kept = self._samples[base - self._base : max(0, self.end - self._base)].copy()
        self._samples[: len(kept)] = kept
        self._base = base
