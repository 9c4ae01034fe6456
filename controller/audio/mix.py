"""The original speech under its translation: one frame in, one frame out, the gain moved along a ramp; many voices at
once are lowered so that their sum does not clip."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain

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
        voices = len(originals) + len(beside) + (translation is not None)
        if voices < 2 and self._limiter.gain == 1.0 and (not originals or before == self._gain == 1.0):
            return translation if translation is not None else next(chain(originals, beside), SILENCE)
        mixed, voice = self._sum, self._voice
        mixed[:] = originals[0] if originals else 0.0
        for one in originals[1:]:
            voice[:] = one  # adding another type than one's own takes twice as long
            mixed += voice
        if before != self._gain:
            mixed *= ramp(before, self._gain, FRAME_SAMPLES)
        elif before != 1.0:
            mixed *= before
        for one in beside if translation is None else (*beside, translation):
            voice[:] = one
            mixed += voice
        self._limiter.limit(mixed)
        return mixed.astype(np.int16)  # cut off, not rounded: half of the last bit is not heard


class Limiter:
    """Keeps a sum of voices within 16 bits: down within 2 ms, up again over a second, so that nobody is distorted."""

    ATTACK_SAMPLES = 32
    RELEASE = FRAME_MS / 1000.0
    """How much of the full gain comes back in a frame."""

    def __init__(self) -> None:
        self.gain = 1.0
        """At 1 it leaves what fits into 16 bits as it is."""

    def limit(self, frame: Samples) -> None:
        """Lower `frame`, float32[320], in place."""
        # Finding where the largest sample is costs a third of what its value alone does.
        peak = max(float(frame[frame.argmax()]), -float(frame[frame.argmin()]))
        before = self.gain
        if before == 1.0 and peak <= _PEAK:
            return
        self.gain = min(before + self.RELEASE, 1.0, _PEAK / max(peak, _PEAK))
        if self.gain < before:
            frame[: self.ATTACK_SAMPLES] *= ramp(before, self.gain, self.ATTACK_SAMPLES)
            frame[self.ATTACK_SAMPLES :] *= self.gain
        else:
            frame *= ramp(before, self.gain, len(frame))
        np.clip(frame, -_PEAK, _PEAK, out=frame)


def ramp(before: float, after: float, samples: int) -> Samples:
    """A gain that moves evenly, float32[samples]."""
    gains = _evenly(samples) * np.float32(after - before)
    gains += np.float32(before)
    gains[-1] = after  # exactly
    return gains


@cache
def _evenly(samples: int) -> Samples:
    """From 0 to 1: made once, for `linspace` takes three times as long as the rest of a ramp."""
    return np.linspace(0.0, 1.0, samples, dtype=np.float32)


_PEAK = 32767.0
