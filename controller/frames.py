"""The unit of audio and the constants of time. Everything else counts in these.

Knows nothing of queues, engines or Asterisk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]
"""Mono signed 16-bit samples."""

SAMPLE_RATE: Final = 16_000
"""Hertz. The only rate inside the controller (Asterisk's slin16)."""

FRAME_MS: Final = 20
"""Milliseconds in a frame."""

FRAME_S: Final = FRAME_MS / 1000
"""Seconds in a frame."""

FRAME_SAMPLES: Final = SAMPLE_RATE * FRAME_MS // 1000
"""320 samples in a frame."""

FRAME_BYTES: Final = FRAME_SAMPLES * 2
"""640 bytes in a frame, little-endian."""

SILENCE: Final[Pcm] = np.zeros(FRAME_SAMPLES, np.int16)
"""One frame of digital silence. Read-only, shared."""
SILENCE.setflags(write=False)


@dataclass(slots=True)
class AudioFrame:
    """20 ms of one speaker. Nobody changes one: frozen, it would take four times as long to make."""

    pcm: Pcm
    """int16[320]"""

    index: int
    """Position on the leg's media clock, in frames since the leg began."""

    filled: bool = False
    """True where nothing arrived in time and silence stands in."""

    @property
    def seconds(self) -> float:
        """Start of the frame on the call's clock, in seconds."""
        return self.index * FRAME_S


def frames_of(seconds: float) -> int:
    """Whole frames in `seconds`, rounded up."""
    return max(0, -int(-seconds * 1000 // FRAME_MS))


def samples_ms(samples: int, rate: int = SAMPLE_RATE) -> float:
    """Length of `samples` in milliseconds."""
    return samples * 1000 / rate
