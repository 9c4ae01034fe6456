"""ECAPA-TDNN as an ONNX graph over clips of any lengths that lie end to end, frame by frame: nothing is padded.

What mixes frames keeps to the clip it is in: convolutions by gathering each tap's frames, mirrored at the clip's own
ends as speechbrain mirrors them at the tensor's; means and softmax by the clip's own frames. So a clip's vector is what
speechbrain gives for the clip alone, whoever is beside it. Frames are rows, so that every layer is one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from export.graph import FLOAT, INT64, Graph
from export.identity.manifest import BANDS, DILATIONS, FIRST_KERNEL, KERNEL, NORM_EPSILON, SCALE, Ecapa
from export.linear import Linear, by_block
from export.weights import Float, Weights

LEAST_VARIANCE = 1e-12

SAFE_SCORE = 60.0
"""Scores of attention up to this much can be exponentiated, weighed and added up over any clip in float32."""


def write_fp32(path: Path, weights: Weights, sizes: Ecapa) -> None:
    """features[frames, 80] and lengths[clips], int64, of each clip in frames -> vectors[clips, width]."""
    _write(path, weights, sizes, _gemm)


def write_8bit(path: Path, weights: Weights, sizes: Ecapa) -> None:
    """The same with the weights of all large matrices in 8 bits; frames are scaled one by one, so that no clip hears
    another."""
    _write(path, weights, sizes, by_block)


def _gemm(graph: Graph, value: str, name: str, weight: Float, bias: Float) -> str:
    return graph.add("Gemm", value, graph.weight(f"{name}.weight", weight), graph.weight(f"{name}.bias", bias))


def _write(path: Path, weights: Weights, sizes: Ecapa, linear: Linear) -> None:
    with Graph(path) as graph:
        features = graph.input("features", ("frames", BANDS))
        clips = _Clips(graph, features, graph.input("lengths", ("clips",), INT64))
        state = _Network(graph, weights, clips, linear).write(features)
        graph.add("Identity", state, to="vectors")
        graph.output("vectors", ("clips", sizes.width))


class _Clips:
    """Which frames belong to which clip."""

    def __init__(self, graph: Graph, features: str, lengths: str) -> None:
        self._graph = graph
        one, none = _scalar(graph, 1), _scalar(graph, 0)
        ends = graph.add("CumSum", lengths, none)
        self._starts = graph.add("Sub", ends, lengths)
        frames = graph.add("Squeeze", graph.add("Shape", features, start=0, end=1), graph.integers(0))
        at = graph.add("Range", none, frames, one)
        over = graph.add(
            "LessOrEqual",
            graph.add("Unsqueeze", ends, graph.integers(0)),
            graph.add("Unsqueeze", at, graph.integers(1)),
        )
        self.clip = graph.add("ReduceSum", graph.cast(over, INT64), graph.integers(1), keepdims=0)
        """Of each frame, the number of its clip."""
        self._start = graph.add("Gather", self._starts, self.clip)
        self._last_of_clip = graph.add("Sub", lengths, one)
        self._last = graph.add("Gather", self._last_of_clip, self.clip)
        self._place = graph.add("Sub", at, self._start)

        count = graph.add("Squeeze", graph.add("Shape", lengths, start=0, end=1), graph.integers(0))
        numbers = graph.add("Unsqueeze", graph.add("Range", none, count, one), graph.integers(1))
        same = graph.add("Equal", graph.add("Unsqueeze", self.clip, graph.integers(0)), numbers)
        self._members = graph.cast(same, FLOAT)  # [clips, frames]
        columns = graph.add("Unsqueeze", graph.cast(lengths, FLOAT), graph.integers(1))
        self._shares = graph.add("Div", self._members, columns)
        self._lengths = lengths
        self._taps: dict[int, str] = {}

    def total(self, value: str) -> str:
        """[clips, channels]: the sum of each clip's frames."""
        return self._graph.add("MatMul", self._members, value)

    def mean(self, value: str) -> str:
        """[clips, channels]."""
        return self._graph.add("MatMul", self._shares, value)

    def spread(self, value: str) -> str:
        """[frames, channels] of [clips, channels]: to each frame what belongs to its clip."""
        return self._graph.add("Gather", value, self.clip, axis=0)

    def most(self, value: str) -> str:
        """[clips, channels]: the largest of each clip's frames."""
        graph = self._graph
        longest = graph.add("ReduceMax", self._lengths, keepdims=0)
        steps = graph.add("Range", _scalar(graph, 0), longest, _scalar(graph, 1))
        last = graph.add("Unsqueeze", self._last_of_clip, graph.integers(1))
        places = graph.add("Min", graph.add("Unsqueeze", steps, graph.integers(0)), last)
        places = graph.add("Add", places, graph.add("Unsqueeze", self._starts, graph.integers(1)))
        return graph.add("ReduceMax", graph.add("Gather", value, places, axis=0), graph.integers(1), keepdims=0)

    def tap(self, value: str, offset: int) -> str:
        """The frames that lie `offset` after each frame of its clip, mirrored at both ends."""
        graph = self._graph
        if not offset:
            return value
        if offset not in self._taps:
            moved = graph.add("Abs", graph.add("Add", self._place, _scalar(graph, offset)))
            back = graph.add("Sub", graph.add("Mul", self._last, _scalar(graph, 2)), moved)
            self._taps[offset] = graph.add("Add", self._start, graph.add("Min", moved, back))
        return graph.add("Gather", value, self._taps[offset], axis=0)


class _Network:
    def __init__(self, graph: Graph, weights: Weights, clips: _Clips, linear: Linear) -> None:
        self._graph, self._weights, self._clips, self._linear = graph, weights, clips, linear

    def write(self, features: str) -> str:
        graph = self._graph
        state = self._tdnn(features, "blocks.0", FIRST_KERNEL)
        found = []
        for number, dilation in enumerate(DILATIONS, 1):
            state = self._block(state, f"blocks.{number}", dilation)
            found.append(state)
        state = self._tdnn(graph.add("Concat", *found, axis=1), "mfa")
        return self._small(self._norm(self._pool(state), "asp_bn.norm"), "fc.conv")

    def _block(self, state: str, name: str, dilation: int) -> str:
        """SE-Res2Net: eighths of the channels, each hearing the one before, all weighed by what the clip excites."""
        graph, clips = self._graph, self._clips
        parts = graph.split(self._tdnn(state, f"{name}.tdnn1"), SCALE, axis=1)
        heard = [parts[0]]
        for number, part in enumerate(parts[1:]):
            into = graph.add("Add", part, heard[-1]) if number else part
            heard.append(self._tdnn(into, f"{name}.res2net_block.blocks.{number}", KERNEL, dilation))
        inner = self._tdnn(graph.add("Concat", *heard, axis=1), f"{name}.tdnn2")
        squeezed = graph.add("Relu", self._small(clips.mean(inner), f"{name}.se_block.conv1.conv"))
        excited = graph.add("Sigmoid", self._small(squeezed, f"{name}.se_block.conv2.conv"))
        return graph.add("Add", graph.add("Mul", inner, clips.spread(excited)), state)

    def _pool(self, state: str) -> str:
        """Mean and deviation over a clip, each frame weighed by attention that knows those of the whole clip."""
        graph, clips = self._graph, self._clips
        mean, deviation = self._statistics(state, clips.mean)
        whole = self._weights["asp.tdnn.conv.conv.weight"][:, :, 0].T
        of_frame, of_mean, of_deviation = np.split(whole, 3)
        bias = self._weights["asp.tdnn.conv.conv.bias"]
        name = "asp.tdnn.conv.conv"
        context = graph.add(
            "Add",
            graph.add("MatMul", mean, graph.weight(f"{name}.mean", np.ascontiguousarray(of_mean))),
            graph.add("MatMul", deviation, graph.weight(f"{name}.deviation", np.ascontiguousarray(of_deviation))),
        )
        own = self._linear(graph, state, f"{name}.frame", np.ascontiguousarray(of_frame), bias)
        hidden = graph.add("Relu", graph.add("Add", own, clips.spread(context)))
        hidden = graph.add("Tanh", self._norm(hidden, "asp.tdnn.norm.norm"))
        matrix = np.ascontiguousarray(self._weights["asp.conv.conv.weight"][:, :, 0].T)
        # The bias is left out: softmax over frames takes away what all frames have.
        scores = self._linear(graph, hidden, "asp.conv.conv", matrix, np.zeros(matrix.shape[1], np.float32))
        if np.abs(matrix).sum(axis=0).max() > SAFE_SCORE:
            scores = graph.add("Sub", scores, clips.spread(clips.most(scores)))
        powers = graph.add("Exp", scores)
        totals = clips.total(powers)

        def weighed(value: str) -> str:
            return graph.add("Div", clips.total(graph.add("Mul", powers, value)), totals)

        return graph.add("Concat", *self._statistics(state, weighed), axis=1)

    def _statistics(self, state: str, mean_of: Callable[[str], str]) -> tuple[str, str]:
        graph = self._graph
        mean = mean_of(state)
        off = graph.add("Sub", state, self._clips.spread(mean))
        variance = graph.add("Max", mean_of(graph.add("Mul", off, off)), graph.number(LEAST_VARIANCE))
        return mean, graph.add("Sqrt", variance)

    def _tdnn(self, value: str, name: str, kernel: int = 1, dilation: int = 1) -> str:
        """A convolution over the frames of each clip, ReLU, and a norm."""
        graph, reach = self._graph, kernel // 2
        if kernel > 1:
            taps = [self._clips.tap(value, (k - reach) * dilation) for k in range(kernel)]
            value = graph.add("Concat", *taps, axis=1)
        weight = self._weights[f"{name}.conv.conv.weight"]
        matrix = np.ascontiguousarray(weight.transpose(2, 1, 0).reshape(-1, len(weight)))
        value = self._linear(graph, value, f"{name}.conv.conv", matrix, self._weights[f"{name}.conv.conv.bias"])
        return self._norm(graph.add("Relu", value), f"{name}.norm.norm")

    def _small(self, value: str, name: str) -> str:
        """A layer over what belongs to whole clips."""
        matrix = np.ascontiguousarray(self._weights[f"{name}.weight"][:, :, 0].T)
        return _gemm(self._graph, value, name, matrix, self._weights[f"{name}.bias"])

    def _norm(self, value: str, name: str) -> str:
        """Batch norm by the statistics of training: one factor and one offset for each channel."""
        graph = self._graph
        parts = ("weight", "bias", "running_mean", "running_var")
        weight, bias, mean, variance = (self._weights[f"{name}.{part}"].astype(np.float64) for part in parts)
        factor = weight / np.sqrt(variance + NORM_EPSILON)
        scaled = graph.add("Mul", value, graph.weight(f"{name}.factor", factor.astype(np.float32)))
        return graph.add("Add", scaled, graph.weight(f"{name}.offset", (bias - mean * factor).astype(np.float32)))


def _scalar(graph: Graph, value: int) -> str:
    return graph.weight(f"integer:{value}", np.array(value, np.int64))
