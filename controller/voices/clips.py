"""Somebody's recordings made fit for a voice: laid end to end, neither too short nor too long, and heard by Triton."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from controller.errors import AudioFileError
from controller.frames import Pcm
from controller.stack.wav import rate_of, read_wav
from controller.triton.client import TritonClient
from controller.triton.contracts import Latents, condition

SHORTEST_S: Final = 3.0
LONGEST_S: Final = 30.0
"""Of the clips together: less is no voice yet, and of more the model would hear the beginning only."""


def clips(paths: Sequence[Path]) -> tuple[Pcm, int]:
    """Recordings laid end to end: int16[n], and their rate in hertz, the highest that one of them has.

    Raises:
        AudioFileError: one cannot be used, or they are too short or too long together.
    """
    rate = max(rate_of(path) for path in paths)
    pcm = np.concatenate([read_wav(path, rate) for path in paths])
    check_length(len(pcm) / rate, " and ".join(map(str, paths)))
    return pcm, rate


def check_length(seconds: float, what: str) -> None:
    """
    Raises:
        AudioFileError: it is too short or too long for a voice.
    """
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise AudioFileError(
            f"A voice is made from {SHORTEST_S:g} to {LONGEST_S:g} s of speech; {what}: {seconds:.1f} s."
        )


async def conditioned(pcm: Pcm, rate: int, grpc: str) -> Latents:
    """What the Triton at `grpc` makes of somebody's speech.

    Raises:
        EngineError: it cannot.
    """
    async with TritonClient(grpc) as client:
        return await condition(client, pcm, rate)
