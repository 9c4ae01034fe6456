"""A recording that grows, on one time axis: silence wherever nothing was written."""

from __future__ import annotations

import numpy as np

from controller.frames import Pcm


class Track:
    """int16 samples from 0 on."""

    def __init__(self) -> None:
        self._samples = np.zeros(1 << 16, np.int16)
        self._length = 0

    def write(self, start: int, pcm: Pcm) -> None:
        """Put `pcm` at sample `start`; what lies before 0 is left out."""
        if start < 0:
            start, pcm = 0, pcm[-start:]
        stop = start + len(pcm)
        while stop > len(self._samples):
            self._samples = np.concatenate([self._samples, np.zeros_like(self._samples)])
        self._samples[start:stop] = pcm
        self._length = max(self._length, stop)

    def read(self, start: int, stop: int) -> Pcm:
        """Samples `start` to `stop`, silence beyond both ends."""
        found = np.zeros(max(0, stop - start), np.int16)
        first, last = max(0, start), min(stop, self._length)
        if first < last:
            found[first - start : last - start] = self._samples[first:last]
        return found

    def all(self) -> Pcm:
        return self._samples[: self._length].copy()
