"""Frames and a speaker in, speech out: the two halves of the vocoder, run on one window after another."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.runtime.session import Provider, opened
from export.runtime.xtts.windows import Window

Float = NDArray[np.float32]

FILES: Final = ("vocoder-coarse.onnx", "vocoder-fine.onnx")
"""The two halves."""

COLUMNS: Final = 8
"""That the coarse half makes of a frame."""


def _profiles(name: str, width: int, each: int) -> dict[str, str]:
    return {
        f"trt_profile_{which}_shapes": f"{name}:1x{width}x{frames * each},speaker:1x512"
        for which, frames in (("min", 1), ("opt", 100), ("max", 400))
    }


TENSORRT = (_profiles("frames", 1024, 1), _profiles("columns", 256, COLUMNS))
"""Windows of all lengths that a server asks for, as one engine of TensorRT's; any other has it build one more."""


class Vocoder:
    """The vocoder in `folder`; may be used by several threads.

    Raises:
        WeightsError: it is missing or damaged.
    """

    def __init__(self, folder: Path, *, threads: int = 0, spinning: bool = True, provider: Provider = "cpu") -> None:
        self._coarse, self._fine = (
            opened(
                folder / file,
                threads,
                spinning=spinning,
                provider=provider,
                options=profiles if provider == "tensorrt" else None,
            )
            for file, profiles in zip(FILES, TENSORRT, strict=True)
        )

    def __call__(self, window: Window, speaker: Float) -> Float:
        """What is new of a window: float32[window.kept] in -1..1.

        Args:
            speaker: float32[speaker_width].
        """
        coarse = partial(_run, self._coarse, "frames", speaker)
        return window.sound(coarse, partial(_run, self._fine, "columns", speaker))


def _run(half: Any, name: str, speaker: Float, heard: Float) -> Float:
    """One row through a half."""
    made: Float = half.run(None, {name: heard[None], "speaker": speaker[None]})[0][0]
    return made
