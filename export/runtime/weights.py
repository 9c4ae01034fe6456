"""Where a model of the repository finds its weights, and the one sentence it says when they are missing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

MULTILINGUAL_TOKENS = 51_865

_EXPORTS = {
    "xtts_v2": "xtts --checkpoint FOLDER",
    "xtts_conditioning": "xtts --checkpoint FOLDER",
    "ecapa_tdnn": "ecapa --checkpoint FILE",
    "campplus": "campplus",
    "whisper": "offline",
    "apertium": "offline",
    "pico": "offline",
    "gst": "gst --train",
}
"""What `dragoman export` is given for each model; any other is a translator of the user's own."""


class WeightsError(Exception):
    """Weights are missing or are not what the model needs."""


def folder(model_directory: str | Path, version: str | int = 1) -> Path:
    """The weights folder of a model, as `dragoman export` fills it.

    Raises:
        WeightsError: it does not exist.
    """
    path = Path(model_directory) / str(version) / "weights"
    if not path.is_dir():
        name = Path(model_directory).name
        what = _EXPORTS.get(name, "mt --checkpoint FOLDER")
        raise WeightsError(f"{name} has no weights: run `dragoman export {what} --out {Path(model_directory).parent}`")
    return path


def made_by(weights: Path, network: str) -> str:
    """Names the weights in a folder for whoever keeps what they made: NETWORK:DIGEST, then `:structural` where they are
    random; the network alone where their export left no record."""
    try:
        record = json.loads((weights / "export.json").read_text(encoding="utf-8"))
        files = {name: one["sha256"] for name, one in record["files"].items()}
        structural = "structural" in record["source"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return network
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return ":".join([network, digest[:16], *["structural"] * structural])


def check_whisper(path: Path) -> None:
    """Raise WeightsError where `path` is not a CTranslate2 Whisper folder."""
    if not path.is_dir():
        raise WeightsError(f"{path} is not a folder: give a CTranslate2 Whisper folder, the one that holds model.bin")
    missing = [name for name in ("model.bin", "tokenizer.json", "config.json") if not (path / name).is_file()]
    if not any((path / name).is_file() for name in ("vocabulary.json", "vocabulary.txt")):
        missing.append("vocabulary.json")
    if missing:
        raise WeightsError(
            f"{path} is not a complete CTranslate2 Whisper folder: {', '.join(missing)} missing. "
            "Convert a model with `ct2-transformers-converter --copy_files tokenizer.json`"
        )
    with (path / "model.bin").open("rb") as file:
        head = file.read(64)
    if b"WhisperSpec" not in head:
        raise WeightsError(f"{path}/model.bin is not a CTranslate2 model of Whisper: convert it again")
    if not _lists_token(path / "tokenizer.json", "<|notimestamps|>"):
        raise WeightsError(f"{path}/tokenizer.json has no <|notimestamps|>: it does not belong to Whisper")


def is_multilingual(path: Path) -> bool:
    """Whether the Whisper folder `path` knows more languages than English: only then it has 51 865 tokens or more.

    Its config.json does not tell: English-only conversions list languages too.
    """
    listed = path / "vocabulary.json"
    if listed.is_file():
        try:
            return len(json.loads(listed.read_text(encoding="utf-8"))) >= MULTILINGUAL_TOKENS
        except ValueError as error:
            raise WeightsError(f"{listed} is not JSON: {error}. Convert the model again") from error
    return (path / "vocabulary.txt").read_bytes().count(b"\n") >= MULTILINGUAL_TOKENS - 1


def _lists_token(tokenizer: Path, token: str) -> bool:
    return json.dumps(token).encode() in tokenizer.read_bytes()
