"""Where the weights of one export of the style network come from: a training, or random numbers of the right shapes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export import structural
from export.gst.shapes import shapes
from export.weights import Weights, WrongWeights


@dataclass(frozen=True, slots=True)
class Source:
    """Weights, and what the record says of them."""

    name: str
    weights: Weights
    digest: str
    """SHA-256 of the tensors, by name."""
    described: Mapping[str, Any]
    structural: bool


def trained_source(file: Path, described: Mapping[str, Any]) -> Source:
    """What a training left in `file`.

    Raises:
        WrongWeights: these are no tensors of the style network.
    """
    with np.load(file) as stored:
        tensors = {name: stored[name] for name in stored.files}
    expected = shapes()
    if strange := sorted(tensors.keys() ^ expected.keys()):
        raise WrongWeights(f"{file} is no style network: {', '.join(strange)} are there or missing; train again")
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            raise WrongWeights(f"{file}: {name} has the shape {tensors[name].shape}, not {shape}; train again")
    return Source("the style network", Weights(tensors), digest(tensors), dict(described), False)


def structural_source(seed: int) -> Source:
    """Random weights of the right names and shapes, the same bits everywhere."""
    tensors = {name: _random(name, shape, seed) for name, shape in shapes().items()}
    described = {"structural": "full", "seed": seed}
    return Source(f"a style network of random weights, seed {seed}", Weights(tensors), digest(tensors), described, True)


def digest(tensors: Mapping[str, NDArray[Any]]) -> str:
    """Of all values in order of their names."""
    whole = hashlib.sha256()
    for name in sorted(tensors):
        whole.update(name.encode())
        whole.update(np.ascontiguousarray(tensors[name], np.float32).tobytes())
    return whole.hexdigest()


def _random(name: str, shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Such that activations keep their size from layer to layer."""
    values = structural.normal(f"{seed}:gst.{name}", shape)
    if name.endswith("running_var") or (name.startswith("norms.") and name.endswith(".weight")):
        return np.float32(1.0) + np.float32(0.1) * values
    if len(shape) == 1:
        return np.ones(shape, np.float32) if name == "gain" else np.float32(0.1) * values
    if name == "tokens":
        return values
    fan_in = int(np.prod(shape[1:]))
    rectified = 2.0 if name.startswith("convs.") else 1.0
    return values * np.float32((rectified / fan_in) ** 0.5)
