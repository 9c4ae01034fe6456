"""Where the weights of one encoder come from: a torch checkpoint, checked against the manifest, or random ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.checkpoint import Checkpoint, CheckpointError
from export.identity import manifest
from export.identity.manifest import Sizes
from export.identity.structural import SIZES, Structural
from export.runtime.identity.model import Model, Network
from export.weights import Shape, Weights

WHOSE: Mapping[Network, str] = {"ecapa_tdnn": "ECAPA-TDNN of speechbrain", "campplus": "CAM++ of 3D-Speaker"}
WANTED: Mapping[Network, str] = {
    "ecapa_tdnn": "give the embedding_model.ckpt of an ECAPA-TDNN of speechbrain",
    "campplus": "give the state dict of a CAM++ of 3D-Speaker",
}
"""What a checkpoint is refused with."""

_SIZES_OF: Mapping[Network, Callable[[Callable[[str], Shape]], Sizes]] = {
    "ecapa_tdnn": manifest.ecapa_sizes,
    "campplus": manifest.campplus_sizes,
}


@dataclass(frozen=True, slots=True)
class Source:
    """What is exported."""

    name: str
    model: Model
    sizes: Sizes
    weights: Weights
    described: Mapping[str, Any]
    """What identifies it in export.json: the same description, the same weights."""


def structural_source(network: Network, size: str, seed: int) -> Source:
    """Random weights, `full` or `tiny`."""
    sizes = SIZES[size][network]
    told = f"structural {size}, seed {seed}"
    digest = hashlib.sha256(f"{network} {told}".encode()).hexdigest()[:16]
    return Source(
        name=f"{network}, {told}",
        model=Model(network, sizes.width, digest, structural=True),
        sizes=sizes,
        weights=Weights(Structural(sizes, seed)),
        described={"structural": size, "seed": seed},
    )


def checkpoint_source(network: Network, path: Path, package: str = "") -> Source:
    """The weights in the file `path`.

    Args:
        package: what it was taken out of, where that is known.
    Raises:
        CheckpointError: it is missing, damaged or refused, or it is another network.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is no file: {WANTED[network]}")
    checkpoint = Checkpoint(path)
    sizes = _checked(network, checkpoint)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Source(
        name=f"{network} of {package or path.name}",
        model=Model(network, sizes.width, digest[:16], structural=False),
        sizes=sizes,
        weights=Weights(checkpoint),
        described={"checkpoint": path.name, "sha256": digest, **({"package": package} if package else {})},
    )


def _checked(network: Network, checkpoint: Checkpoint) -> Sizes:
    """The sizes of a checkpoint that has every tensor of `network`, with its shape, and nothing else."""
    not_one = f"{checkpoint.path} is no {WHOSE[network]}"
    try:
        sizes = _SIZES_OF[network](checkpoint.shape)
    except KeyError as error:
        raise CheckpointError(f"{not_one}: it has no {error}; {WANTED[network]}") from error
    except ValueError as error:
        raise CheckpointError(f"{not_one}: its tensors have other shapes ({error}); {WANTED[network]}") from error
    wanted = manifest.shapes(sizes)
    missing = sorted(name for name in wanted if name not in checkpoint and not manifest.is_optional(name))
    strange = sorted(checkpoint.keys() - wanted.keys())
    wrong = sorted(name for name in wanted if name in checkpoint and checkpoint.shape(name) != wanted[name])
    said = [
        f"{len(names)} {what} ({names[0]})" for what, names in (("missing", missing), ("unknown", strange)) if names
    ]
    if wrong:
        said.append(
            f"{len(wrong)} of another shape ({wrong[0]} is {checkpoint.shape(wrong[0])}, not {wanted[wrong[0]]})"
        )
    if said:
        raise CheckpointError(f"{not_one}: of {len(wanted)} tensors {', '.join(said)}; {WANTED[network]}")
    return sizes
