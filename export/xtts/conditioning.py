"""What makes the GPT's conditioning out of a recording, as an ONNX graph: attention blocks, then a perceiver resampler
whose learned queries leave 32 latents of whatever length went in."""

from __future__ import annotations

from math import gcd
from pathlib import Path

import numpy as np

from export.graph import Graph
from export.runtime.xtts.config import ModelConfig
from export.weights import Weights
from export.xtts.manifest import (
    CONDITIONING_BLOCKS,
    LATENTS,
    MEL_BANDS,
    NORM_EPSILON,
    PERCEIVER_HEAD,
    PERCEIVER_HEADS,
    PERCEIVER_LAYERS,
)

ENCODER, PERCEIVER = "gpt.conditioning_encoder", "gpt.conditioning_perceiver"


def write(path: Path, weights: Weights, config: ModelConfig) -> None:
    """mel[rows, 80, frames], a normalised log-mel -> latents[rows, 32, width]."""
    with Graph(path) as graph:
        mel = graph.input("mel", ("rows", MEL_BANDS, "frames"))
        state = _convolve(graph, weights, mel, f"{ENCODER}.init")
        for i in range(CONDITIONING_BLOCKS):
            state = _block(graph, weights, config, state, f"{ENCODER}.attn.{i}")
        context = graph.add("Transpose", state, perm=[0, 2, 1])
        latents = graph.weight("latents.start", weights[f"{PERCEIVER}.latents"][None])
        rows = graph.add("Shape", mel, start=0, end=1)
        shape = graph.add("Concat", rows, graph.integers(LATENTS, config.width), axis=0)
        latents = graph.add("Expand", latents, shape)
        for i in range(PERCEIVER_LAYERS):
            latents = _resample(graph, weights, latents, context, f"{PERCEIVER}.layers.{i}")
        norm = graph.add("ReduceL2", latents, graph.integers(-1), keepdims=1)
        norm = graph.add("Max", norm, graph.number(1e-12))
        gamma = weights[f"{PERCEIVER}.norm.gamma"] * np.float32(config.width**0.5)
        graph.add("Mul", graph.add("Div", latents, norm), graph.weight(f"{PERCEIVER}.norm.gamma", gamma), to="latents")
        graph.output("latents", ("rows", LATENTS, config.width))


def _convolve(graph: Graph, weights: Weights, value: str, name: str) -> str:
    return graph.add("Conv", value, *(graph.weight(part, weights[part]) for part in (f"{name}.weight", f"{name}.bias")))


def _block(graph: Graph, weights: Weights, config: ModelConfig, state: str, name: str) -> str:
    """Attention over frames in [rows, channels, frames], added to the normalised state and not to the state itself."""
    count = _groups(config.width)
    cut = graph.add("Reshape", state, graph.integers(0, count, -1))
    ones = graph.weight("ones", np.ones(count, np.float32))
    zeros = graph.weight("zeros", np.zeros(count, np.float32))
    cut = graph.add("InstanceNormalization", cut, ones, zeros, epsilon=NORM_EPSILON)
    state = graph.add("Reshape", cut, graph.integers(0, config.width, -1))
    scale, bias = (
        graph.weight(f"{name}.norm.{part}", weights[f"{name}.norm.{part}"][:, None]) for part in ("weight", "bias")
    )
    state = graph.add("Add", graph.add("Mul", state, scale), bias)

    packed = _convolve(graph, weights, state, f"{name}.qkv")  # a head's queries, keys and values lie together
    packed = graph.add("Reshape", packed, graph.integers(0, config.heads, 3 * config.head_width, -1))
    queries, keys, values = graph.split(packed, 3, axis=2)
    scale = graph.number(config.head_width**-0.5)
    queries = graph.add("Mul", graph.add("Transpose", queries, perm=[0, 1, 3, 2]), scale)
    scores = graph.add("Softmax", graph.add("MatMul", queries, keys), axis=-1)
    attended = graph.add("MatMul", values, graph.add("Transpose", scores, perm=[0, 1, 3, 2]))
    attended = graph.add("Reshape", attended, graph.integers(0, config.width, -1))
    return graph.add("Add", state, _convolve(graph, weights, attended, f"{name}.proj_out"))


def _groups(width: int) -> int:
    """Into how many groups a norm cuts the channels: 8, 16 or 32 by their number, halved until they come out even."""
    return gcd(width, 8 if width <= 16 else 16 if width <= 64 else 32)


def _resample(graph: Graph, weights: Weights, latents: str, context: str, name: str) -> str:
    """One layer of the perceiver: latents look at the recording and at themselves, then a gated layer."""

    def linear(value: str, layer: str, bias: bool = False) -> str:
        matrix = graph.weight(f"{name}.{layer}.weight", np.ascontiguousarray(weights[f"{name}.{layer}.weight"].T))
        product = graph.add("MatMul", value, matrix)
        return (
            graph.add("Add", product, graph.weight(f"{name}.{layer}.bias", weights[f"{name}.{layer}.bias"]))
            if bias
            else product
        )

    def heads(value: str, perm: list[int]) -> str:
        return graph.add("Transpose", graph.add("Reshape", value, graph.integers(0, 0, PERCEIVER_HEADS, -1)), perm=perm)

    queries = linear(latents, "0.to_q")
    keys, values = graph.split(linear(graph.add("Concat", latents, context, axis=1), "0.to_kv"), 2, axis=-1)
    scores = graph.add("MatMul", heads(queries, [0, 2, 1, 3]), heads(keys, [0, 2, 3, 1]))
    scores = graph.add("Softmax", graph.add("Mul", scores, graph.number(PERCEIVER_HEAD**-0.5)), axis=-1)
    attended = graph.add("Transpose", graph.add("MatMul", scores, heads(values, [0, 2, 1, 3])), perm=[0, 2, 1, 3])
    attended = linear(graph.add("Reshape", attended, graph.integers(0, 0, -1)), "0.to_out")
    latents = graph.add("Add", attended, latents)
    wide, gates = graph.split(linear(latents, "1.0", bias=True), 2, axis=-1)
    gated = graph.add("Mul", wide, graph.add("Gelu", gates))
    return graph.add("Add", linear(gated, "1.2", bias=True), latents)
