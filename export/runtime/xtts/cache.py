"""Where the GPT's keys and values lie, a row an utterance: in memory that a graph reads and writes in place.

On a GPU they never leave it: rows cannot be moved there, nor a voice's be taken out. Knows no graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Number = type[np.floating[Any]]
Kept = NDArray[np.floating[Any]]


class HostCache:
    """Beside the processor."""

    device = "cpu"

    def __init__(self, names: Sequence[str], shape: Sequence[int], dtype: Number) -> None:
        """`shape` is [rows, heads, room, head_width]."""
        # Zeros take no memory before they are written to: a row costs what its longest utterance needed.
        self._arrays = {name: np.zeros(shape, dtype) for name in names}

    def address(self, name: str, row: int) -> int:
        """Where `row` and those after it begin."""
        address: int = self._arrays[name][row:].ctypes.data
        return address

    def move(self, row: int, to: int, positions: int) -> None:
        """Copy what is at the first `positions` of a row."""
        for array in self._arrays.values():
            array[to, :, :positions] = array[row, :, :positions]

    def kept(self, row: int, positions: int) -> Kept:
        """A copy of a row's first `positions`: [names, heads, positions, head_width]."""
        return np.stack([array[row, :, :positions] for array in self._arrays.values()])

    def put(self, row: int, kept: Kept) -> None:
        """Begin `row` with what was `kept`."""
        for array, part in zip(self._arrays.values(), kept, strict=True):
            array[row, :, : kept.shape[2]] = part


class DeviceCache:
    """On a GPU."""

    device = "cuda"

    def __init__(self, names: Sequence[str], shape: Sequence[int], dtype: Number) -> None:
        from onnxruntime import OrtValue

        # An OrtValue on a processor borrows numpy's memory, so each has its own.
        self._values = {name: OrtValue.ortvalue_from_numpy(np.zeros(shape, dtype), self.device, 0) for name in names}
        self._row_bytes = prod(shape[1:]) * np.dtype(dtype).itemsize

    def address(self, name: str, row: int) -> int:
        address: int = self._values[name].data_ptr()
        return address + row * self._row_bytes
