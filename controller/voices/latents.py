"""A voice file: what a cloning engine is conditioned on, made once from recordings and sent with every utterance.

An `.npz` of plain arrays, 70 kB: `gpt_cond_latent` float16[T, width], `speaker_embedding` float32[512], and `meta`, a
JSON string with `schema`, `name`, `model` and `made`. No pickle is ever read. T and width are the model's.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from controller.errors import VoiceError
from controller.triton.contracts import Latents

SCHEMA: Final = "dragoman/voice-latents/1"

SPEAKER_WIDTH: Final = 512

MAX_BYTES: Final = 4 << 20
"""Of a voice file, packed and unpacked: the largest that is taken at all."""

_MAKE: Final = "make it anew with `dragoman voice make`"


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """A voice as it lies on the disk."""

    latents: Latents
    name: str
    model: str = ""
    """What made it: the conditioning model's digest; empty where that was not known."""
    made: str = ""
    """When, ISO 8601."""


def write(path: Path, latents: Latents, *, name: str, model: str = "") -> VoiceFile:
    """Write a voice file, whole or not at all; returns what is in it.

    Raises:
        VoiceError: the latents are those of no voice, or it cannot be written.
    """
    voice = VoiceFile(latents, name, model, datetime.now(UTC).isoformat(timespec="seconds"))
    if wrong := _wrong(latents.gpt_conditioning, latents.speaker):
        raise VoiceError(f"What was to become {path} is no voice: {wrong}; give other recordings.")
    meta = {"schema": SCHEMA, "name": name, "model": model, "made": voice.made}
    fresh = path.with_name(f"{path.name}.tmp")
    try:
        with fresh.open("wb") as file:
            np.savez_compressed(
                file,
                gpt_cond_latent=latents.gpt_conditioning,
                speaker_embedding=latents.speaker,
                meta=np.array(json.dumps(meta, ensure_ascii=False)),
            )
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise VoiceError(f"The voice file {path} cannot be written: {error.strerror or error}.") from error
    return voice


def read(path: Path) -> VoiceFile:
    """
    Raises:
        VoiceError: it is missing, no voice file, or its numbers are no voice.
    """
    arrays = _arrays(path)
    try:
        gpt, speaker, meta = arrays["gpt_cond_latent"], arrays["speaker_embedding"], json.loads(str(arrays["meta"]))
        known = meta["schema"]
    except (KeyError, ValueError, TypeError) as error:
        raise VoiceError(f"{path} is not a voice file: {_MAKE}.") from error
    if known != SCHEMA:
        raise VoiceError(f"{path} is a voice file of another kind ({known!r}, not {SCHEMA!r}): {_MAKE}.")
    if wrong := _wrong(gpt, speaker):
        raise VoiceError(f"The voice in {path} cannot be used: {wrong}; {_MAKE}.")
    said = {key: str(meta.get(key, "")) for key in ("name", "model", "made")}
    return VoiceFile(Latents(gpt, speaker), **said)


def _arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """
    Raises:
        VoiceError: it cannot be read, or holds what no voice file holds.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise VoiceError(f"The voice file {path} cannot be read: {error.strerror or error}; {_MAKE}.") from error
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if len(content) > MAX_BYTES or sum(one.file_size for one in packed.infolist()) > MAX_BYTES:
                raise VoiceError(f"{path} is too large for a voice file: {_MAKE}.")
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    # RuntimeError is zipfile's for what is encrypted, or packed in a way that it does not know.
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError) as error:
        raise VoiceError(f"{path} is not a voice file: {_MAKE}.") from error


def _wrong(gpt: np.ndarray[Any, Any], speaker: np.ndarray[Any, Any]) -> str | None:
    """What is wrong with a voice's numbers; None where nothing is."""
    for name, array, kind in (("gpt_cond_latent", gpt, np.float16), ("speaker_embedding", speaker, np.float32)):
        if array.dtype != kind:
            return f"{name} is {array.dtype}, not {np.dtype(kind)}"
    if gpt.ndim != 2 or 0 in gpt.shape:
        return f"gpt_cond_latent has the shape {list(gpt.shape)}, not [latents, width]"
    if speaker.shape != (SPEAKER_WIDTH,):
        return f"speaker_embedding has the shape {list(speaker.shape)}, not [{SPEAKER_WIDTH}]"
    for name, array in (("gpt_cond_latent", gpt), ("speaker_embedding", speaker)):
        if not np.isfinite(array).all():
            return f"{name} holds what is no number"
    return None
