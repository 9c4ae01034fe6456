"""CAM++ as an ONNX graph over windows of three seconds: a densely connected TDNN, masked by context in every layer.

The context of a frame is the mean of the window and the mean of its segment of 100 frames, so that it takes as many
values as there are segments: masks are computed for those, and each frame is given its segment's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from export.graph import Graph
from export.identity.manifest import (
    BANDS,
    FIRST_TIMES,
    HEAD_BLOCKS,
    HEAD_STRIDE,
    LAYERS,
    NORM_EPSILON,
    SEGMENT,
    Campplus,
)
from export.runtime.identity.encoders import WINDOW
from export.runtime.mel import CAMPPLUS
from export.weights import Float, Weights

FRAMES = 1 + (WINDOW - CAMPPLUS.window) // CAMPPLUS.hop
"""Of the features of a window."""
HALVED = (FRAMES + 1) // 2
"""Of them that are left behind the layer that halves them."""


def write(path: Path, weights: Weights, sizes: Campplus) -> None:
    """features[windows, 298, 80] -> vectors[windows, width]."""
    with Graph(path) as graph:
        features = graph.input("features", ("windows", FRAMES, BANDS))
        state = _Network(graph, weights).write(features, sizes)
        graph.add("Identity", state, to="vectors")
        graph.output("vectors", ("windows", sizes.width))


def segments() -> tuple[Float, Float]:
    """What averages frames, float32[frames, segments], each column the window's mean plus the segment's; and what gives
    each frame its segment, float32[segments, frames]."""
    number = np.arange(HALVED) // SEGMENT
    belongs = (number == np.arange(number[-1] + 1)[:, None]).astype(np.float32)
    averages = 1 / HALVED + belongs.T / belongs.sum(axis=1)
    return averages.astype(np.float32), belongs


class _Network:
    def __init__(self, graph: Graph, weights: Weights) -> None:
        self._graph, self._weights = graph, weights
        averages, belongs = segments()
        self._averages, self._belongs = graph.weight("averages", averages), graph.weight("belongs", belongs)

    def write(self, features: str, sizes: Campplus) -> str:
        graph = self._graph
        state = graph.add("Unsqueeze", graph.add("Transpose", features, perm=[0, 2, 1]), graph.integers(1))
        state = self._head(state)
        bands = sizes.planes * BANDS // HEAD_STRIDE
        state = graph.add("Reshape", state, graph.integers(0, bands, FRAMES))
        reach = FIRST_TIMES // 2
        state = self._convolve(state, "xvector.tdnn.linear", pads=[reach, reach], strides=[2])
        state = graph.add("Relu", self._norm(state, "xvector.tdnn.nonlinear.batchnorm"))
        for number, (layers, dilation) in enumerate(LAYERS, 1):
            for layer in range(1, layers + 1):
                grown = self._layer(state, f"xvector.block{number}.tdnnd{layer}", dilation)
                state = graph.add("Concat", state, grown, axis=1)
            name = f"xvector.transit{number}"
            state = graph.add("Relu", self._norm(state, f"{name}.nonlinear.batchnorm"))
            state = self._convolve(state, f"{name}.linear")
        state = graph.add("Relu", self._norm(state, "xvector.out_nonlinear.batchnorm"))
        pooled = graph.add("Unsqueeze", self._pool(state), graph.integers(2))
        vector = self._convolve(pooled, "xvector.dense.linear")
        vector = self._norm(vector, "xvector.dense.nonlinear.batchnorm", affine=False)
        return graph.add("Squeeze", vector, graph.integers(2))

    def _head(self, state: str) -> str:
        """Residual blocks over frequency and time, which thin out frequencies only."""
        graph = self._graph
        around = [1, 1, 1, 1]
        state = graph.add("Relu", self._norm(self._convolve(state, "head.conv1", pads=around), "head.bn1"))
        for block, stride in HEAD_BLOCKS:
            name, steps = f"head.{block}", [stride, 1]
            inner = self._convolve(state, f"{name}.conv1", pads=around, strides=steps)
            inner = self._convolve(graph.add("Relu", self._norm(inner, f"{name}.bn1")), f"{name}.conv2", pads=around)
            inner = self._norm(inner, f"{name}.bn2")
            if stride > 1:
                state = self._norm(self._convolve(state, f"{name}.shortcut.0", strides=steps), f"{name}.shortcut.1")
            state = graph.add("Relu", graph.add("Add", inner, state))
        state = self._convolve(state, "head.conv2", pads=around, strides=[2, 1])
        return graph.add("Relu", self._norm(state, "head.bn2"))

    def _layer(self, state: str, name: str, dilation: int) -> str:
        """What one densely connected layer adds: a convolution, masked by what the context says of each channel."""
        graph = self._graph
        state = graph.add("Relu", self._norm(state, f"{name}.nonlinear1.batchnorm"))
        state = self._norm(self._convolve(state, f"{name}.linear1"), f"{name}.nonlinear2.batchnorm")
        state = graph.add("Relu", state)
        local = self._convolve(state, f"{name}.cam_layer.linear_local", pads=[dilation, dilation], dilations=[dilation])
        context = graph.add("MatMul", state, self._averages)
        context = graph.add("Relu", self._convolve(context, f"{name}.cam_layer.linear1", bias=True))
        mask = graph.add("Sigmoid", self._convolve(context, f"{name}.cam_layer.linear2", bias=True))
        return graph.add("Mul", local, graph.add("MatMul", mask, self._belongs))

    def _pool(self, state: str) -> str:
        """[windows, 2 * channels]: mean over frames, and deviation as of a sample (by one frame less)."""
        graph, frames = self._graph, self._graph.integers(2)
        mean = graph.add("ReduceMean", state, frames, keepdims=1)
        off = graph.add("Sub", state, mean)
        squares = graph.add("ReduceSum", graph.add("Mul", off, off), frames, keepdims=0)
        deviation = graph.add("Sqrt", graph.add("Div", squares, graph.number(HALVED - 1)))
        return graph.add("Concat", graph.add("Squeeze", mean, frames), deviation, axis=1)

    def _convolve(self, value: str, name: str, *, bias: bool = False, **how: Any) -> str:
        parts = [f"{name}.{part}" for part in ("weight", "bias")[: 1 + bias]]
        return self._graph.add("Conv", value, *(self._graph.weight(part, self._weights[part]) for part in parts), **how)

    def _norm(self, value: str, name: str, *, affine: bool = True) -> str:
        mean, variance = (self._weights[f"{name}.{part}"] for part in ("running_mean", "running_var"))
        scale, bias = np.ones_like(mean), np.zeros_like(mean)
        if affine:
            scale, bias = (self._weights[f"{name}.{part}"] for part in ("weight", "bias"))
        arrays = {"weight": scale, "bias": bias, "running_mean": mean, "running_var": variance}
        parts = [self._graph.weight(f"{name}.{part}", array) for part, array in arrays.items()]
        return self._graph.add("BatchNormalization", value, *parts, epsilon=NORM_EPSILON)
