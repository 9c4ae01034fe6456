"""An ONNX graph being written down, operator by operator, its weights streamed into a file as they come.

Knows ONNX; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
"""The first with Gelu; onnxruntime has run it since 1.17."""
CONTRIB = "com.microsoft"
ALIGNMENT = 4096
"""Of each tensor in a weights file, so that it can be mapped."""
SMALL = 1024
"""Bytes. What is smaller stays in the graph itself."""

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
INT32, INT64 = TensorProto.INT32, TensorProto.INT64

Dims = Sequence[int | str]


class Graph:
    """Writes `NAME.onnx`, and `NAME.bin` beside it where weights are kept apart. Use it in a `with` block."""

    def __init__(self, path: Path, *, apart: bool = False) -> None:
        """`path` is the `.onnx` file; `apart` keeps weights in a file beside it, which is written as they come."""
        self.path = path
        self._beside = path.with_suffix(".bin") if apart else None
        self._file: BinaryIO | None = None
        self._nodes: list[Any] = []
        self._weights: dict[str, Any] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._count = 0

    def __enter__(self) -> Graph:
        if self._beside is not None:
            self._file = self._beside.open("wb")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
        if kind is None:
            self._save()

    def input(self, name: str, dims: Dims, type_: int = FLOAT) -> str:
        """Declare an input; dims that are names vary."""
        self._inputs.append(helper.make_tensor_value_info(name, type_, list(dims)))
        return name

    def output(self, name: str, dims: Dims, type_: int = FLOAT) -> None:
        """Declare that the value `name` is an output."""
        self._outputs.append(helper.make_tensor_value_info(name, type_, list(dims)))

    def weight(self, name: str, array: NDArray[Any]) -> str:
        """Add a constant; one that is there already by this name is kept."""
        if name in self._weights:
            return name
        array = np.asarray(array, order="C")
        if self._file is None or array.nbytes < SMALL:
            self._weights[name] = numpy_helper.from_array(array, name)
            return name
        assert self._beside is not None
        self._file.write(bytes(-self._file.tell() % ALIGNMENT))
        tensor = TensorProto(name=name, dims=array.shape, data_type=helper.np_dtype_to_tensor_dtype(array.dtype))
        tensor.data_location = TensorProto.EXTERNAL
        where = {"location": self._beside.name, "offset": self._file.tell(), "length": array.nbytes}
        for key, value in where.items():
            tensor.external_data.add(key=key, value=str(value))
        self._file.write(array.data)
        self._weights[name] = tensor
        return name

    def integers(self, *values: int) -> str:
        """A constant list of int64, as shapes and axes are given."""
        return self.weight("integers:" + ",".join(map(str, values)), np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A constant float32 scalar."""
        return self.weight(f"number:{value!r}", np.array(value, np.float32))

    def add(self, operator: str, *inputs: str, to: str = "", domain: str = "", **attributes: Any) -> str:
        """Append an operator with one output; returns the name of its value, `to` where given."""
        return self.add_many(operator, inputs, [to or self._name(operator)], domain=domain, **attributes)[0]

    def add_many(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], *, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Append an operator with several outputs; an input or output named "" is left out."""
        self._nodes.append(helper.make_node(operator, list(inputs), list(outputs), domain=domain, **attributes))
        return list(outputs)

    def cast(self, value: str, type_: int) -> str:
        """Convert a value's elements."""
        name = self._name("Cast")
        self._nodes.append(helper.make_node("Cast", [value], [name], to=type_))
        return name

    def split(self, value: str, parts: int, axis: int) -> list[str]:
        """Cut a value into equal parts."""
        return self.add_many(
            "Split", [value], [self._name("Split") for _ in range(parts)], axis=axis, num_outputs=parts
        )

    def _name(self, operator: str) -> str:
        self._count += 1
        return f"{operator}_{self._count}"

    def _save(self) -> None:
        graph = helper.make_graph(
            self._nodes, self.path.stem, self._inputs, self._outputs, list(self._weights.values())
        )
        operators = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=operators, producer_name="dragoman", ir_version=10)
        onnx.save(model, str(self.path))
