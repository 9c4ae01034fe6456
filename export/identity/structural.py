"""Random weights for the two networks, of a size at which nothing fades or bursts: for tests and benches only.

numpy only, so that the references' environment loads the very same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.identity import manifest
from export.identity.manifest import COUNTER, Sizes
from export.structural import normal

SIZES: Mapping[str, Mapping[str, Sizes]] = {"full": manifest.FULL, "tiny": manifest.TINY}
"""By size, then by network."""


class Structural(Mapping[str, NDArray[Any]]):
    """Every tensor of a network, float32 (counters int64), each made anew when it is asked for."""

    def __init__(self, sizes: Sizes, seed: int) -> None:
        self._shapes, self._seed = manifest.shapes(sizes), seed

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def __contains__(self, name: object) -> bool:
        return name in self._shapes

    def __getitem__(self, name: str) -> NDArray[Any]:
        shape = self._shapes[name]
        if name.endswith(f".{COUNTER}"):
            return np.zeros(shape, np.int64)
        mean, deviation = _scale(name, shape)
        values: NDArray[Any] = normal(f"{self._seed}:{name}", shape) * np.float32(deviation) + np.float32(mean)
        return values


def _scale(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Mean and deviation of a tensor; norms stand behind ReLUs or before them, and keep what passes through alike."""
    if name.endswith(".running_var"):
        return 1.0, 0.1
    if len(shape) == 1:
        return (1.0 if name.endswith(".weight") else 0.0), 0.1
    return 0.0, float(np.prod(shape[1:])) ** -0.5
