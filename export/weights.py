"""The tensors of one model by name, as the graphs want them: float32, weight norm folded, read when asked for.

Knows neither files nor graphs.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from controller.errors import UsageError

Float = NDArray[np.float32]
Shape = tuple[int, ...]

GAIN = ".parametrizations.weight.original0"
DIRECTION = ".parametrizations.weight.original1"
"""What torch's weight norm keeps in place of `.weight`: a norm for each index of the first axis, and a tensor to be
scaled."""


class WrongWeights(UsageError):
    """Weights that no model of the architecture can have."""


class Tensors(Protocol):
    """What tensors are asked of by name: a mapping is one."""

    def __contains__(self, name: object, /) -> bool: ...

    def __getitem__(self, name: str, /) -> NDArray[Any]: ...


class Weights:
    """Gives each tensor by its name; a pair of weight norm is the one `.weight` it stands for."""

    def __init__(self, source: Tensors) -> None:
        """`source` has pairs of weight norm as torch names them, or plain `.weight` in their place."""
        self._source = source

    def __getitem__(self, name: str) -> Float:
        """The tensor, float32 and contiguous; a view of the file where it is so there.

        Raises:
            WrongWeights: a value is not a finite number.
        """
        stem = name.removesuffix(".weight")
        if stem + DIRECTION in self._source:
            array = fold(self._source[stem + GAIN], self._source[stem + DIRECTION])
        else:
            array = np.ascontiguousarray(self._source[name], np.float32)
        if not np.isfinite(array).all():
            raise WrongWeights(f"{name} has values that are no finite numbers: the training it comes from had failed")
        return array


def fold(gain: NDArray[Any], direction: NDArray[Any]) -> Float:
    """`direction` with each index of the first axis scaled to the norm `gain`: what weight norm stands for.

    T. Salimans, D. P. Kingma, Weight Normalization, 2016; over all axes but the first, also for transposed layers.
    """
    axes = tuple(range(1, direction.ndim))
    norm = np.sqrt(np.square(direction, dtype=np.float64).sum(axes, keepdims=True))
    scale = np.divide(gain, norm, out=np.zeros_like(norm), where=norm > 0)
    return np.ascontiguousarray(direction * scale, np.float32)
