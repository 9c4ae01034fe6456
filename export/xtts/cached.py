"""A GPT graph that runs on keys and values in memory of ours, which it writes in place, as whatever serves it does.

Knows onnxruntime; knows no weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from export.runtime.xtts.config import ModelConfig

Array = NDArray[Any]


class Cached:
    """Rows that are given positions piece by piece."""

    def __init__(self, path: Path, config: ModelConfig, *, rows: int = 1, room: int = 64) -> None:
        """`room` is how many positions a row may come to have."""
        self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        types = {one.name: one.type for one in self._session.get_inputs()}
        self._kind = np.float16 if types["past_k_0"] == "tensor(float16)" else np.float32
        shape = (rows, config.heads, room, config.head_width)
        self.cache: dict[str, Array] = {
            f"{which}_{i}": np.zeros(shape, self._kind) for i in range(config.layers) for which in "kv"
        }

    def __call__(self, x: Array, totals: list[int]) -> tuple[Array, Array]:
        """Latents float32[rows, positions, width] and the last position's logits float32[rows, audio tokens].

        Args:
            x: [rows, positions, width], what comes next in the first of the rows.
            totals: positions that each row has with these.
        """
        binding = self._session.io_binding()
        binding.bind_cpu_input("x", np.ascontiguousarray(x, np.float32))
        binding.bind_cpu_input("seqlens_k", np.array(totals, np.int32) - np.int32(1))
        binding.bind_cpu_input("total", np.array(max(totals), np.int32))
        for name, array in self.cache.items():
            for bind, whose in ((binding.bind_input, "past"), (binding.bind_output, "present")):
                rows = list(array[: len(x)].shape)
                bind(f"{whose}_{name}", "cpu", 0, self._kind, rows, array.ctypes.data)
        binding.bind_output("latents", "cpu")
        binding.bind_output("logits", "cpu")
        self._session.run_with_iobinding(binding)
        found = dict(zip([one.name for one in self._session.get_outputs()], binding.get_outputs(), strict=True))
        return found["latents"].numpy(), found["logits"].numpy()
