"""Linear layers in a graph, in full precision and in 8 bits. Knows no model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from export import quantise
from export.graph import CONTRIB, Graph
from export.weights import Float

Linear = Callable[[Graph, str, str, Float, Float], str]
"""Appends `value @ weight + bias` for a weight [in, out]: (graph, value, name, weight, bias) -> value."""


def plain(graph: Graph, value: str, name: str, weight: Float, bias: Float) -> str:
    """In the numbers it is given in."""
    product = graph.add("MatMul", value, graph.weight(f"{name}.weight", weight))
    return graph.add("Add", product, graph.weight(f"{name}.bias", bias))


def by_block(graph: Graph, value: str, name: str, weight: Float, bias: Float) -> str:
    """Weights in 8 bits with a scale for each block of inputs, activations scaled row by row: no row hears another."""
    packed, scales = quantise.by_block(weight)
    return graph.add(
        "MatMulNBits",
        value,
        graph.weight(f"{name}.weight", packed),
        graph.weight(f"{name}.scales", scales),
        "",
        "",
        graph.weight(f"{name}.bias", bias),
        domain=CONTRIB,
        K=weight.shape[0],
        N=weight.shape[1],
        bits=8,
        block_size=quantise.BLOCK,
        accuracy_level=4,
    )


def by_column(graph: Graph, value: str, name: str, weight: Float, bias: Float) -> str:
    """Weights in 8 bits scaled by output, activations scaled all together."""
    packed, scales = quantise.by_column(weight)
    return graph.add(
        "DynamicQuantizeMatMul",
        value,
        graph.weight(f"{name}.weight", packed),
        graph.weight(f"{name}.scales", scales),
        graph.weight(f"zeros.{len(scales)}", np.zeros(len(scales), np.int8)),
        graph.weight(f"{name}.bias", bias),
        domain=CONTRIB,
    )
