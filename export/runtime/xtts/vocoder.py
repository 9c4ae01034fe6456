"""Frames and a speaker in, speech out. Knows no windows: what it is given, it makes sound of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.runtime.session import Provider, opened

Float = NDArray[np.float32]

TENSORRT = {
    f"trt_profile_{which}_shapes": f"frames:1x1024x{frames},speaker:1x512"
    for which, frames in (("min", 1), ("opt", 100), ("max", 400))
}
"""Windows of all lengths that a server asks for, as one engine of TensorRT's; any other has it build one more."""


class Vocoder:
    """The vocoder in `folder`; may be used by several threads.

    Raises:
        WeightsError: it is missing or damaged.
    """

    def __init__(self, folder: Path, *, threads: int = 0, spinning: bool = True, provider: Provider = "cpu") -> None:
        options = TENSORRT if provider == "tensorrt" else None
        self._session = opened(folder / "vocoder.onnx", threads, spinning=spinning, provider=provider, options=options)

    def __call__(self, frames: Float, speaker: Float) -> Float:
        """float32[samples] in -1..1.

        Args:
            frames: float32[width, count].
            speaker: float32[speaker_width].
        """
        pcm: Float = self._session.run(["pcm"], {"frames": frames[None], "speaker": speaker[None]})[0][0]
        return pcm
