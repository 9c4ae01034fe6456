"""The GPT of XTTS v2 as an ONNX graph: one for prefill and for steps, with keys and values kept in place.

It is GPT-2 (pre-norm, tanh GELU) over embeddings that the caller adds up; behind it stand two layer norms, which give
the latents, and the head over audio tokens. `GroupQueryAttention` takes the packed projection as it comes and writes
keys and values into the caller's own memory.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from export.graph import CONTRIB, FLOAT, HALF, INT32, Graph
from export.linear import Linear, by_block, by_column, plain
from export.runtime.xtts.config import ModelConfig
from export.weights import Float, Weights
from export.xtts.manifest import NORM_EPSILON


def write_fp32(path: Path, weights: Weights, config: ModelConfig) -> None:
    """What the checkpoint says, to the bit: for parity, and where memory does not matter."""
    _write(path, weights, config, plain)


def write_8bit(path: Path, weights: Weights, config: ModelConfig) -> None:
    """Weights in 8 bits with a scale for each block of 64 inputs; activations are scaled row by row, so that what a row
    gets does not depend on the rows beside it. The default on CPUs."""
    _write(path, weights, config, by_block)


def write_prefill(path: Path, weights: Weights, config: ModelConfig) -> None:
    """8-bit weights scaled by column, activations scaled all together: fast, but only for what runs alone, as prefill
    does."""
    _write(path, weights, config, by_column)


def write_fp16(path: Path, weights: Weights, config: ModelConfig) -> None:
    """Half precision inside, float32 at its ends: for GPUs. Only keys and values are float16 outside too."""
    _write(path, weights, config, plain, half=True)


def _write(path: Path, weights: Weights, config: ModelConfig, linear: Linear, *, half: bool = False) -> None:
    kind, dtype = (HALF, np.float16) if half else (FLOAT, np.float32)
    cache = ("rows", config.heads, "room", config.head_width)

    def get(name: str) -> Float:
        with np.errstate(over="ignore"):  # what is too large for float16 shows in what the graph then computes
            array: Float = weights[name].astype(dtype, copy=False)
        return array

    with Graph(path, apart=True) as graph:
        state = graph.input("x", ("rows", "positions", config.width))
        graph.input("seqlens_k", ("rows",), INT32)
        graph.input("total", (), INT32)
        if half:
            state = graph.cast(state, HALF)
        for i in range(config.layers):
            block = f"gpt.gpt.h.{i}"

            def project(value: str, name: str, block: str = block) -> str:
                name = f"{block}.{name}"
                return linear(graph, value, name, get(f"{name}.weight"), get(f"{name}.bias"))

            past = [graph.input(f"past_{which}_{i}", cache, kind) for which in "kv"]
            present = [f"present_{which}_{i}" for which in "kv"]
            attended, *_ = graph.add_many(
                "GroupQueryAttention",
                [
                    project(_norm(graph, state, f"{block}.ln_1", get), "attn.c_attn"),
                    "",
                    "",
                    *past,
                    "seqlens_k",
                    "total",
                ],
                [f"attended_{i}", *present],
                domain=CONTRIB,
                num_heads=config.heads,
                kv_num_heads=config.heads,
                do_rotary=0,
            )
            state = graph.add("Add", state, project(attended, "attn.c_proj"))
            hidden = project(_norm(graph, state, f"{block}.ln_2", get), "mlp.c_fc")
            hidden = graph.add("Gelu", hidden, approximate="tanh")
            state = graph.add("Add", state, project(hidden, "mlp.c_proj"))
            for name in present:
                graph.output(name, cache, kind)
        if half:
            state = graph.cast(state, FLOAT)
        state = _norm(graph, state, "gpt.gpt.ln_f", weights.__getitem__)
        latents = _norm(graph, state, "gpt.final_norm", weights.__getitem__, to="latents")
        last = graph.add("Gather", latents, graph.weight("last", np.array(-1, np.int64)), axis=1)
        head = graph.weight("gpt.mel_head.weight", weights["gpt.mel_head.weight"])
        graph.add(
            "Gemm", last, head, graph.weight("gpt.mel_head.bias", weights["gpt.mel_head.bias"]), to="logits", transB=1
        )
        graph.output("latents", ("rows", "positions", config.width))
        graph.output("logits", ("rows", config.audio_tokens))


def _norm(graph: Graph, value: str, name: str, get: Callable[[str], Float], to: str = "") -> str:
    scale, bias = (graph.weight(f"{name}.{part}", get(f"{name}.{part}")) for part in ("weight", "bias"))
    return graph.add("LayerNormalization", value, scale, bias, to=to, epsilon=NORM_EPSILON)
