"""The style network as an ONNX graph over rows of any lengths: what lies behind a row's end changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from export.graph import INT32, INT64, Graph
from export.gst.shapes import BANDS, DEPTH, FILTERS, HEADS, NORM_EPSILON, STATE, TOKENS, WIDTH, reduced
from export.weights import Float, Weights


def write(path: Path, weights: Weights) -> None:
    """features[rows, frames, 80], lengths[rows] (frames that count, 1 or more) -> tokens[rows, 56]."""
    with Graph(path) as graph:
        features = graph.input("features", ("rows", "frames", BANDS))
        lengths = graph.input("lengths", ("rows",), INT64)
        state = graph.add("Unsqueeze", features, graph.integers(1))
        state = _masked(graph, state, lengths)
        for i in range(len(FILTERS)):
            state = graph.add(
                "Conv", state, _weight(graph, weights, f"convs.{i}.weight"), strides=[2, 2], pads=[1, 1, 1, 1]
            )
            parts = (f"norms.{i}.{part}" for part in ("weight", "bias", "running_mean", "running_var"))
            state = graph.add(
                "BatchNormalization", state, *(_weight(graph, weights, name) for name in parts), epsilon=NORM_EPSILON
            )
            lengths = graph.add("Div", graph.add("Add", lengths, graph.integers(1)), graph.integers(2))
            state = _masked(graph, graph.add("Relu", state), lengths)
        state = graph.add("Transpose", state, perm=[2, 0, 1, 3])
        state = graph.add("Reshape", state, graph.integers(0, 0, FILTERS[-1] * reduced(BANDS)))
        _attend(graph, weights, _remembered(graph, weights, state, lengths))
        graph.output("tokens", ("rows", WIDTH))


def _masked(graph: Graph, state: str, lengths: str) -> str:
    """`state` [rows, channels, frames, bands] with zeros from each row's length on, whatever was there."""
    frames = graph.add("Squeeze", graph.add("Shape", state, start=2, end=3), graph.integers(0))
    zero, one = (graph.weight(f"scalar:{value}", np.array(value, np.int64)) for value in (0, 1))
    places = graph.add("Unsqueeze", graph.add("Range", zero, frames, one), graph.integers(0))
    counts = graph.add("Less", places, graph.add("Unsqueeze", lengths, graph.integers(1)))
    return graph.add("Where", graph.add("Unsqueeze", counts, graph.integers(1, 3)), state, graph.number(0.0))


def _remembered(graph: Graph, weights: Weights, steps: str, lengths: str) -> str:
    """The recurrent layer's state [rows, 64] after each row's last step of `steps` [steps, rows, inputs]."""
    inner, outer = (_by_gates(weights[f"gru.weight_{which}_l0"]) for which in ("ih", "hh"))
    bias = np.concatenate([_by_gates(weights[f"gru.bias_{which}_l0"]) for which in ("ih", "hh")])
    given = [
        steps,
        graph.weight("gru.inner", inner[None]),
        graph.weight("gru.outer", outer[None]),
        graph.weight("gru.bias", bias[None]),
        graph.cast(lengths, INT32),
    ]
    # Torch applies the reset gate behind the matrix, not before it.
    _, last = graph.add_many("GRU", given, ["", "gru.last"], hidden_size=STATE, linear_before_reset=1)
    return graph.add("Squeeze", last, graph.integers(0))


def _by_gates(array: Float) -> Float:
    """Torch has the gates as reset, update, new; ONNX as update, reset, new."""
    reset, update, new = np.split(array, 3)
    return np.concatenate([update, reset, new])


def _attend(graph: Graph, weights: Weights, state: str) -> None:
    """How much of each token there is in a state; the tokens are the same for all, and are worked out here."""
    tokens = np.tanh(weights["tokens"])
    keys, values = ((tokens @ weights[f"{which}.weight"].T).reshape(TOKENS, HEADS, DEPTH) for which in ("key", "value"))
    query = graph.add("MatMul", state, graph.weight("query", np.ascontiguousarray(weights["query.weight"].T)))
    query = graph.add("Reshape", query, graph.integers(0, HEADS, 1, DEPTH))
    scores = graph.add("MatMul", query, graph.weight("keys", keys.transpose(1, 2, 0) / np.float32(DEPTH**0.5)))
    shares = graph.add("Softmax", scores, axis=-1)
    found = graph.add("MatMul", shares, graph.weight("values", np.ascontiguousarray(values.transpose(1, 0, 2))))
    found = graph.add("Reshape", found, graph.integers(0, WIDTH))
    found = graph.add("Sub", found, _weight(graph, weights, "centre"))
    graph.add("Mul", found, _weight(graph, weights, "gain"), to="tokens")


def _weight(graph: Graph, weights: Weights, name: str) -> str:
    return graph.weight(name, weights[name])
