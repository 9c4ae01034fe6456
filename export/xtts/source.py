"""Where the weights of one export come from: a checkpoint's folder, checked against the manifest, or structural ones.

Knows config.json and vocab.json as the reference writes them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from export.checkpoint import Checkpoint, CheckpointError
from export.runtime.xtts.config import ModelConfig, Sampling
from export.weights import DIRECTION, GAIN, Weights
from export.xtts import manifest, structural

FILES = ("model.pth", "config.json", "vocab.json")

FIXED: Mapping[str, object] = {
    "gpt_code_stride_len": 1024,
    "gpt_use_perceiver_resampler": True,
    "input_sample_rate": 22050,
    "output_sample_rate": 24000,
    "output_hop_length": 256,
    "d_vector_dim": 512,
    "cond_d_vector_in_each_upsampling_layer": True,
}
"""What `model_args` must say: the architecture that the graphs are built for."""


SIZES: Mapping[str, str] = {
    "layers": "gpt_layers",
    "width": "gpt_n_model_channels",
    "heads": "gpt_n_heads",
    "audio_tokens": "gpt_num_audio_tokens",
    "start_audio": "gpt_start_audio_token",
    "stop_audio": "gpt_stop_audio_token",
    "max_audio": "gpt_max_audio_tokens",
    "max_text": "gpt_max_text_tokens",
    "prompt": "gpt_max_prompt_tokens",
    "decoder_input": "decoder_input_dim",
}
"""Fields of ModelConfig, and what `model_args` calls them."""

SECONDS: Mapping[str, str] = {
    "conditioning_s": "gpt_cond_len",
    "conditioning_chunk_s": "gpt_cond_chunk_len",
    "reference_s": "max_ref_len",
}
"""Fields of ModelConfig, and what config.json calls them."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is exported."""

    name: str
    config: ModelConfig
    weights: Weights
    describe: Callable[[], dict[str, Any]]
    """What identifies it in export.json: the same description, the same weights. Reads the whole checkpoint."""
    save_vocabulary: Callable[[Path], None]
    """Writes `vocab.json` into a folder."""
    licensed: bool
    """Whether somebody's licence has to be accepted."""


def structural_source(size: str, seed: int) -> Source:
    """Random weights, `full` or `tiny`."""
    config = structural.SIZES[size]
    return Source(
        name=f"structural {size}, seed {seed}",
        config=config,
        weights=Weights(structural.tensors(config, seed)),
        describe=lambda: {"structural": size, "seed": seed},
        save_vocabulary=structural.save_vocabulary,
        licensed=False,
    )


def checkpoint_source(folder: Path) -> Source:
    """The checkpoint in `folder`.

    Raises:
        CheckpointError: files are missing, damaged or refused, or it is not an XTTS v2 model.
    """
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise CheckpointError(
            f"{folder} is not a whole XTTS checkpoint: {', '.join(missing)} missing; it needs {', '.join(FILES)}"
        )
    config = read_config(folder)
    checkpoint = Checkpoint(folder / "model.pth")
    return Source(
        name=folder.name,
        config=config,
        weights=Weights(_checked(checkpoint, config)),
        describe=lambda: {"checkpoint": folder.name, "sha256": {name: _digest(folder / name) for name in FILES}},
        save_vocabulary=lambda target: _copy(folder / "vocab.json", target),
        licensed=True,
    )


def read_config(folder: Path) -> ModelConfig:
    """What `config.json` and `vocab.json` say; the tokenizer decides about text tokens, as in the reference.

    Raises:
        CheckpointError: they are not those of an XTTS v2 model.
    """
    stored, tokens = _json(folder / "config.json"), _tokens(folder / "vocab.json")
    args = stored.get("model_args")
    if stored.get("model", "xtts") != "xtts" or not isinstance(args, dict):
        raise CheckpointError(f"{folder}/config.json is not that of an XTTS model")
    if not args.get("gpt_use_perceiver_resampler"):
        raise CheckpointError(
            f"{folder} is XTTS v1 by its config.json, which has no perceiver: give an XTTS v2 checkpoint"
        )
    for name, value in FIXED.items():
        if args.get(name, value) != value:
            raise CheckpointError(
                f"{folder} is another architecture by its config.json: {name} is {args[name]}, XTTS v2 has {value}"
            )
    if stored.get("sound_norm_refs"):
        raise CheckpointError(
            f"{folder}/config.json asks for recordings to be scaled (sound_norm_refs), which is not done here: set it "
            "to false, and make voices from recordings whose loudest sample is at 0.75"
        )
    try:
        return ModelConfig(
            **{field: _whole(args[name]) for field, name in SIZES.items()},
            **{field: _whole(stored[name]) for field, name in SECONDS.items()},
            text_tokens=max(tokens.values()) + 1,
            start_text=tokens["[START]"],
            stop_text=tokens["[STOP]"],
            sampling=Sampling(
                temperature=stored["temperature"],
                top_k=stored["top_k"],
                top_p=stored["top_p"],
                repetition_penalty=stored["repetition_penalty"],
            ),
        )
    except KeyError as error:
        raise CheckpointError(
            f"{folder}: {error} is missing in config.json or vocab.json: give those of the model"
        ) from error
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder}/config.json describes no XTTS model: {error}") from error


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(f"{value!r} where a size is given")
    return value


def _tokens(path: Path) -> dict[str, int]:
    """Every token of the tokenizer with its id."""
    stored = _json(path)
    model, added = stored.get("model"), stored.get("added_tokens", [])
    try:
        tokens = {str(token): int(i) for token, i in model["vocab"].items()}  # type: ignore[index]
        return tokens | {str(token["content"]): int(token["id"]) for token in added}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not the tokenizer of an XTTS model: give the one of the checkpoint"
        ) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from error
    if not isinstance(stored, dict):
        raise CheckpointError(f"{path} is not a JSON object")
    return stored


def _checked(checkpoint: Checkpoint, config: ModelConfig) -> Mapping[str, NDArray[Any]]:
    """The checkpoint's tensors by the manifest's names, all there with their shapes and nothing else."""
    found = _Renamed(checkpoint)
    if "gpt.prompt_embedding.weight" in found.names:
        raise CheckpointError(f"{checkpoint.path} is XTTS v1: give an XTTS v2 checkpoint")
    shapes = {name: found.shape(name) for name in found}
    for name in [name for name in shapes if name.endswith(DIRECTION)]:
        stem, shape = name.removesuffix(DIRECTION), shapes[name]
        if shapes.get(stem + GAIN) == (shape[0], *(1 for _ in shape[1:])):
            shapes[stem + ".weight"] = shape
            del shapes[stem + GAIN], shapes[name]
    wanted = manifest.folded(config)
    missing = sorted(name for name in wanted if name not in shapes and not manifest.is_optional(name))
    strange = sorted(shapes.keys() - wanted.keys())
    wrong = sorted(name for name in wanted if name in shapes and shapes[name] != wanted[name])
    if missing or strange or wrong:
        said = [
            f"{len(names)} {what} ({names[0]})" for what, names in (("missing", missing), ("unknown", strange)) if names
        ]
        if wrong:
            said.append(f"{len(wrong)} of another shape ({wrong[0]} is {shapes[wrong[0]]}, not {wanted[wrong[0]]})")
        raise CheckpointError(
            f"{checkpoint.path} is not the XTTS v2 model that its config.json and vocab.json describe: "
            f"of {len(wanted)} tensors {', '.join(said)}"
        )
    return found


class _Renamed(Mapping[str, NDArray[Any]]):
    """A checkpoint by the manifest's spelling of its names, less what only training left there."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self.names = {meant: name for name in checkpoint if (meant := manifest.canonical(name)) is not None}

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._checkpoint[self.names[name]]

    def shape(self, name: str) -> tuple[int, ...]:
        return self._checkpoint.shape(self.names[name])


def _copy(path: Path, folder: Path) -> None:
    shutil.copyfile(path, folder / path.name)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
