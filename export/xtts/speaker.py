"""The speaker encoder of XTTS v2 as an ONNX graph: a ResNet with squeeze-and-excitation and attentive pooling.

H. S. Heo et al., Clova baseline system for the VoxCeleb Speaker Recognition Challenge 2020 (the model called H/ASP).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from export.graph import Graph
from export.runtime.xtts.config import ModelConfig
from export.weights import Weights
from export.xtts.manifest import NORM_EPSILON, SPEAKER_BANDS, SPEAKER_BLOCKS, SPEAKER_FILTERS

QUIET = 1e-6
"""Added to each power, so that silence has a logarithm."""
PREFIX = "hifigan_decoder.speaker_encoder"


def write(path: Path, weights: Weights, config: ModelConfig) -> None:
    """mel[rows, 64, frames], powers -> speaker[rows, 512] of length 1."""
    with Graph(path) as graph:
        _Speaker(graph, weights).write(config)


class _Speaker:
    def __init__(self, graph: Graph, weights: Weights) -> None:
        self._graph, self._weights = graph, weights

    def write(self, config: ModelConfig) -> None:
        graph = self._graph
        mel = graph.input("mel", ("rows", SPEAKER_BANDS, "frames"))
        state = graph.add("Log", graph.add("Add", mel, graph.number(QUIET)))
        ones = graph.weight("ones", np.ones(SPEAKER_BANDS, np.float32))
        zeros = graph.weight("zeros", np.zeros(SPEAKER_BANDS, np.float32))
        state = graph.add("InstanceNormalization", state, ones, zeros, epsilon=NORM_EPSILON)
        state = graph.add("Unsqueeze", state, graph.integers(1))
        state = graph.add("Relu", self._convolve(state, "conv1", bias=True, pads=[1, 1, 1, 1]))
        state = self._norm(state, "bn1")
        for i, blocks in enumerate(SPEAKER_BLOCKS):
            for j in range(blocks):
                state = self._block(state, f"layer{i + 1}.{j}", narrows=i > 0 and j == 0)
        pooled = SPEAKER_FILTERS[-1] * SPEAKER_BANDS // 8
        state = graph.add("Reshape", state, graph.integers(0, pooled, -1))
        vector = self._linear(self._pool(state), "fc")
        norm = graph.add("Max", graph.add("ReduceL2", vector, graph.integers(-1), keepdims=1), graph.number(1e-12))
        graph.add("Div", vector, norm, to="speaker")
        graph.output("speaker", ("rows", config.speaker_width))

    def _block(self, state: str, name: str, *, narrows: bool) -> str:
        """A residual block whose channels are weighed by what the whole recording excites.

        A block that narrows has twice the channels and half the bands and frames.
        """
        graph, steps = self._graph, [2, 2] if narrows else [1, 1]
        inner = graph.add("Relu", self._convolve(state, f"{name}.conv1", strides=steps, pads=[1, 1, 1, 1]))
        inner = self._convolve(self._norm(inner, f"{name}.bn1"), f"{name}.conv2", pads=[1, 1, 1, 1])
        inner = self._norm(inner, f"{name}.bn2")
        squeezed = graph.add("Flatten", graph.add("GlobalAveragePool", inner))
        excited = graph.add(
            "Sigmoid", self._linear(graph.add("Relu", self._linear(squeezed, f"{name}.se.fc.0")), f"{name}.se.fc.2")
        )
        inner = graph.add("Mul", inner, graph.add("Unsqueeze", excited, graph.integers(2, 3)))
        if narrows:
            state = self._norm(self._convolve(state, f"{name}.downsample.0", strides=steps), f"{name}.downsample.1")
        return graph.add("Relu", graph.add("Add", inner, state))

    def _pool(self, state: str) -> str:
        """Mean and deviation over frames of [rows, channels, frames], each frame weighed by attention."""
        graph = self._graph
        shares = graph.add("Relu", self._convolve(state, "attention.0", bias=True))
        shares = self._convolve(self._norm(shares, "attention.2"), "attention.3", bias=True)
        shares = graph.add("Softmax", shares, axis=2)
        frames = graph.integers(2)
        weighed = graph.add("Mul", state, shares)
        mean = graph.add("ReduceSum", weighed, frames, keepdims=0)
        power = graph.add("ReduceSum", graph.add("Mul", state, weighed), frames, keepdims=0)
        variance = graph.add("Sub", power, graph.add("Mul", mean, mean))
        deviation = graph.add("Sqrt", graph.add("Max", variance, graph.number(1e-5)))
        return graph.add("Concat", mean, deviation, axis=1)

    def _convolve(self, value: str, name: str, *, bias: bool = False, **how: Any) -> str:
        parts = [self._weight(f"{name}.{part}") for part in ("weight", "bias")[: 1 + bias]]
        return self._graph.add("Conv", value, *parts, **how)

    def _norm(self, value: str, name: str) -> str:
        parts = [self._weight(f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        return self._graph.add("BatchNormalization", value, *parts, epsilon=NORM_EPSILON)

    def _linear(self, value: str, name: str) -> str:
        parts = [self._weight(f"{name}.{part}") for part in ("weight", "bias")]
        return self._graph.add("Gemm", value, *parts, transB=1)

    def _weight(self, name: str) -> str:
        return self._graph.weight(name, self._weights[f"{PREFIX}.{name}"])
