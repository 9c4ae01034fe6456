"""Silero's voice activity detector on onnxruntime: does a recording hold speech at all?

Knows 16 kHz samples; onnxruntime is imported when a detector is made.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FRAME = 512
"""Samples a step of the model at 16 kHz: 32 ms. Each step also sees the last 64 samples before it."""

_CONTEXT = 64
SPEECH = 0.5
"""The model's own threshold."""

ENOUGH_FRAMES = 3
"""Speech frames, not necessarily together, that make a recording worth decoding: about 0.1 s."""


class Silero:
    """One session, used by one thread at a time.

    Raises:
        FileNotFoundError: the model file is missing.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"{path.name} is missing from {path.parent}")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def hears_speech(self, pcm: NDArray[np.float32]) -> tuple[bool, float]:
        """Whether `pcm` holds speech, and the highest probability of a frame seen up to the decision.

        Stops at the answer, so that real speech costs a few frames only.

        Args:
            pcm: float32[n] in -1..1 at 16 kHz.
        """
        state = np.zeros((2, 1, 128), np.float32)
        rate = np.array(16_000, np.int64)
        padded = np.pad(pcm, (_CONTEXT, -len(pcm) % FRAME))
        heard, highest = 0, 0.0
        for start in range(0, len(padded) - _CONTEXT, FRAME):
            step = padded[None, start : start + _CONTEXT + FRAME]
            probability, state = self._session.run(None, {"input": step, "state": state, "sr": rate})
            highest = max(highest, float(probability[0, 0]))
            heard += bool(probability[0, 0] >= SPEECH)
            if heard >= ENOUGH_FRAMES:
                return True, highest
        return False, highest
