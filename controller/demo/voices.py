"""The voices of a demo whose engine clones: what each side says is told in that side's own.

Knows recordings, weights folders and the engine's options; knows nothing of how a call is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from controller.demo.script import Part
from controller.errors import AudioFileError, UsageError
from controller.frames import Pcm
from controller.stack.wav import PHONE_RATE
from controller.voices.clips import LONGEST_S, check_length, conditioned
from controller.voices.latents import write
from export.folder import read_record, weights_folder

ENGINE: Final = "xtts_v2"
CONDITIONING: Final = "xtts_conditioning"
MODELS: Final = (ENGINE, CONDITIONING)

PAUSE_S: Final = 0.2
"""Kept behind each thing said, so that sentences do not run into each other."""

_SIDES: Final = {"a": "the caller", "b": "the called party"}


def check_weights(repository: Path) -> None:
    """
    Raises:
        UsageError: the models have not been exported.
    """
    if lacking := [name for name in MODELS if not _record(repository, name)]:
        raise UsageError(
            f"{repository} has no weights of {' and '.join(lacking)}: run `dragoman export xtts --checkpoint FOLDER "
            f"--out {repository}` first; `--structural full` in place of a checkpoint gives noise that costs as much."
        )


def source(repository: Path) -> dict[str, Any]:
    """Where the weights that speak come from, as their export noted it."""
    of: dict[str, Any] = _record(repository, ENGINE).get("source", {})
    return of


def note(weights: Mapping[str, Any]) -> str | None:
    """What a listener must know of them; None where there is nothing."""
    if "structural" not in weights:
        return None
    return (
        f"The weights of {ENGINE} are random (structural {weights['structural']}, seed {weights.get('seed')}): "
        "every translation sounds as noise. Its timing is real, its sound is not."
    )


def clip(part: Part) -> Pcm:
    """What a side says, without the silence between: int16[n] at PHONE_RATE, as much as a voice is made from."""
    spans = [(one.start_s, one.end_s + PAUSE_S) for one in part.said if one.end_s > one.start_s]
    pieces = [part.pcm[round(start * PHONE_RATE) : round(end * PHONE_RATE)] for start, end in spans]
    return np.concatenate([part.pcm[:0], *pieces])[: round(LONGEST_S * PHONE_RATE)]


def clips_of(parts: Mapping[str, Part]) -> dict[str, Pcm]:
    """The clip of each side; one that says nothing has the other's, for it needs none.

    Raises:
        AudioFileError: nobody says anything, or one says too little for a voice.
    """
    found = {side: clip(part) for side, part in parts.items()}
    speaking = {side: pcm for side, pcm in found.items() if len(pcm)}
    if not speaking:
        raise AudioFileError("Neither recording holds speech, so that there is no voice to make: give others.")
    for side, pcm in speaking.items():
        check_length(len(pcm) / PHONE_RATE, f"what {_SIDES[side]} says")
    return {side: pcm if len(pcm) else next(iter(speaking.values())) for side, pcm in found.items()}


async def cloned(
    clips: Mapping[str, Pcm], languages: Mapping[str, str], grpc: str, repository: Path, folder: Path
) -> dict[str, Any]:
    """The engine's options, with a voice file a side made by the Triton at `grpc` and kept in `folder`.

    Args:
        languages: what each side speaks; its words are told in the other side's.
    Raises:
        DragomanError: a voice could not be made.
    """
    files = {}
    for side, pcm in clips.items():
        files[side] = str(folder / f"{side}_voice.npz")
        latents = await conditioned(pcm, PHONE_RATE, grpc)
        write(Path(files[side]), latents, name=_SIDES[side], model=_digest(repository))
    # Of two sides: what is told in one's language is what the other said.
    return {"voice": files["a"], "voices": {languages["a"]: files["b"], languages["b"]: files["a"]}}


def _digest(repository: Path) -> str:
    files = _record(repository, CONDITIONING).get("files", {})
    return f"sha256:{files['conditioning.onnx']['sha256']}" if "conditioning.onnx" in files else ""


def _record(repository: Path, model: str) -> dict[str, Any]:
    return read_record(weights_folder(repository, model))
