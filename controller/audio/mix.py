"""The original speech under its translation: one frame in, one frame out, the gain moved along a ramp; many voices at
once are lowered so that their sum does not clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from controller.audio.levels import gain
from controller.frames import FRAME_MS, FRAME_SAMPLES, SILENCE, Pcm

Samples = npt.NDArray[np.float32]


class Ducker:
    """Mixes a translation over originals and keeps the originals' gain between frames."""

    def __init__(self, *, duck_db: float = -24.0, ramp_ms: float = 80.0) -> None:
        """`duck_db`: the originals' gain under a translation; `ramp_ms`: how long the whole way down or up takes."""
        self._down = gain(duck_db)
        self._step = (1.0 - self._down) * FRAME_MS / ramp_ms
        self._gain = 1.0
        self._limiter = Limiter()
        # Written over in each frame: most of what a small array costs is its making.
        self._sum: Samples = np.empty(FRAME_SAMPLES, np.float32)
        self._voice: Samples = np.empty(FRAME_SAMPLES, np.float32)

    def mix(
        self, originals: Sequence[Pcm], translation: Pcm | None, *, ducked: bool, beside: Sequence[Pcm] = ()
    ) -> Pcm:
        """One frame, int16[320]: the sum of `originals`, lowered while `ducked`, of `translation`, and of what is
        heard `beside` it at its full level."""
        before = self._gain
        target = self._down if ducked else 1.0
        if before != target:
            self._gain = max(target, before - self._step) if target < before else min(target, before + self._step)
        over = beside if translation is None else (*beside, translation)
        if self._limiter.idle and (not originals or before == self._gain == 1.0):
            everything = (*originals, *over)
            if len(everything) < 2:
                return everything[0] if everything else SILENCE
        first, *others = originals or (SILENCE,)
        mixed = self._sum
        mixed[:] = first
        for one in others:
            self._add(one)
        if before != self._gain:
            mixed *= ramp(before, self._gain, FRAME_SAMPLES)
        elif before != 1.0:
            mixed *= before
        for one in over:
            self._add(one)
        self._limiter.limit(mixed)
        return mixed.astype(np.int16)  # cut off, not rounded: half of the last bit is not heard

    def _add(self, voice: Pcm) -> None:
        self._voice[:] = voice  # adding another type than one's own takes twice as long
        self._sum += self._voice


class Limiter:
    """Keeps a sum of voices within 16 bits: down within 2 ms, up again over a second, so that nobody is distorted."""

    ATTACK_SAMPLES = 32
    RELEASE = FRAME_MS / 1000.0
    """How much of the full gain comes back in a frame."""

    def __init__(self) -> None:
        self._gain = 1.0

    @property
    def idle(self) -> bool:
        """True where it would leave what fits into 16 bits as it is."""
        return self._gain == 1.0

    def limit(self, frame: Samples) -> None:
        """Lower `frame`, float32[320], in place."""
        # Finding where the largest sample is costs a third of what its value alone does.
        peak = max(float(frame[frame.argmax()]), -float(frame[frame.argmin()]))
        before = self._gain
        if before == 1.0 and peak <= _PEAK:
            return
        self._gain = min(before + self.RELEASE, 1.0, _PEAK / max(peak, _PEAK))
        if self._gain < before:
            frame[: self.ATTACK_SAMPLES] *= ramp(before, self._gain, self.ATTACK_SAMPLES)
            frame[self.ATTACK_SAMPLES :] *= self._gain
        else:
            frame *= ramp(before, self._gain, len(frame))
        np.clip(frame, -_PEAK, _PEAK, out=frame)


def ramp(before: float, after: float, samples: int) -> Samples:
    """A gain that moves evenly, float32[samples]."""
    return np.linspace(before, after, samples, dtype=np.float32)


_PEAK = 32767.0
