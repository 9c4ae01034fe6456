"""The original speech under its translation: one frame in, one frame out, the gain moved along a ramp."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from controller.audio.levels import gain
from controller.frames import FRAME_MS, FRAME_SAMPLES, SILENCE, Pcm

Samples = npt.NDArray[np.float32]


class Ducker:
    """Mixes a translation over originals and keeps the originals' gain between frames."""

    def __init__(self, *, duck_db: float = -12.0, ramp_ms: float = 80.0) -> None:
        """`duck_db`: the originals' gain under a translation; `ramp_ms`: how long the whole way down or up takes."""
        self._down = gain(duck_db)
        self._step = (1.0 - self._down) * FRAME_MS / ramp_ms
        self._gain = 1.0

    def mix(self, originals: Sequence[Pcm], translation: Pcm | None, *, ducked: bool) -> Pcm:
        """One frame, int16[320]: the sum of `originals`, lowered while `ducked`, and of `translation`."""
        before = self._gain
        target = self._down if ducked else 1.0
        self._gain = max(target, before - self._step) if target < before else min(target, before + self._step)
        if not originals:
            return SILENCE if translation is None else translation
        if before == self._gain == 1.0 and translation is None and len(originals) == 1:
            return originals[0]
        mixed: Samples = originals[0].astype(np.float32)
        for other in originals[1:]:
            mixed += other
        if before == self._gain:
            mixed *= self._gain
        else:
            mixed *= np.linspace(before, self._gain, FRAME_SAMPLES, dtype=np.float32)
        if translation is not None:
            mixed += translation
        np.clip(mixed, -32768, 32767, out=mixed)
        return np.rint(mixed).astype(np.int16)
