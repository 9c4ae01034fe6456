"""The vocoder of XTTS v2 as two ONNX graphs: a HiFi-GAN generator that hears the speaker in every up-sampling layer.

J. Kong et al., HiFi-GAN, 2020. Frames come at their final rate, 256 samples each. The first graph ends behind the first
up-sampling layer's residual blocks: it hears far around each sample and is a quarter of the work, so that whoever
vocodes window by window need not do the other three quarters again (`export.runtime.xtts.windows`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from export.graph import Graph
from export.runtime.xtts.config import ModelConfig
from export.runtime.xtts.vocoder import FILES
from export.weights import Weights
from export.xtts.manifest import CHANNELS, RESBLOCKS, UPSAMPLING

SLOPE, LAST_SLOPE = 0.1, 0.01
PREFIX = "hifigan_decoder.waveform_decoder"


HEIGHT = 1
"""Up-sampling layers in the coarse half."""


def write(path: Path, weights: Weights, config: ModelConfig) -> None:
    """Both halves: the coarse one to `path`, the fine one beside it (`export.runtime.xtts.vocoder.FILES`)."""
    _write_coarse(path, weights, config)
    _write_fine(path.with_name(FILES[1]), weights, config)


def _write_coarse(path: Path, weights: Weights, config: ModelConfig) -> None:
    """frames[rows, width, n] and speaker[rows, 512] -> columns[rows, 256, n * 8]."""
    with Graph(path) as graph:
        layers = _Layers(graph, weights, config)
        frames = graph.input("frames", ("rows", config.decoder_input, "frames"))
        state = graph.add("Add", layers.convolve(frames, "conv_pre", 7), layers.speaker("cond_layer"))
        graph.add("Identity", layers.widened(state, range(HEIGHT)), to="columns")
        graph.output("columns", ("rows", CHANNELS >> HEIGHT, "columns"))


def _write_fine(path: Path, weights: Weights, config: ModelConfig) -> None:
    """columns[rows, 256, n] and speaker[rows, 512] -> pcm[rows, n * 32] in -1..1."""
    with Graph(path) as graph:
        layers = _Layers(graph, weights, config)
        columns = graph.input("columns", ("rows", CHANNELS >> HEIGHT, "columns"))
        state = layers.widened(columns, range(HEIGHT, len(UPSAMPLING)))
        wave = graph.add("Tanh", layers.convolve(layers.leaky(state, LAST_SLOPE), "conv_post", 7))
        graph.add("Squeeze", wave, graph.integers(1), to="pcm")
        graph.output("pcm", ("rows", "samples"))


class _Layers:
    """The generator's, in one graph."""

    def __init__(self, graph: Graph, weights: Weights, config: ModelConfig) -> None:
        self._graph, self._weights = graph, weights
        vector = graph.input("speaker", ("rows", config.speaker_width))
        self._column = graph.add("Unsqueeze", vector, graph.integers(2))

    def convolve(self, value: str, name: str, kernel: int = 1, dilation: int = 1) -> str:
        parts = ("weight",) if name == "conv_post" else ("weight", "bias")
        named = [self._weight(f"{name}.{part}") for part in parts]
        reach = dilation * (kernel - 1) // 2
        return self._graph.add("Conv", value, *named, dilations=[dilation], pads=[reach, reach])

    def speaker(self, name: str) -> str:
        return self.convolve(self._column, name)

    def leaky(self, value: str, slope: float = SLOPE) -> str:
        return self._graph.add("LeakyRelu", value, alpha=slope)

    def widened(self, state: str, layers: Iterable[int]) -> str:
        """Through up-sampling layers, each with its residual blocks."""
        for layer in layers:
            stride, kernel = UPSAMPLING[layer]
            cut = (kernel - stride) // 2
            parts = self._weight(f"ups.{layer}.weight"), self._weight(f"ups.{layer}.bias")
            state = self._graph.add("ConvTranspose", self.leaky(state), *parts, strides=[stride], pads=[cut, cut])
            state = self._blocks(self._graph.add("Add", state, self.speaker(f"conds.{layer}")), layer)
        return state

    def _blocks(self, state: str, layer: int) -> str:
        """The mean of a layer's residual blocks."""
        graph, branches = self._graph, []
        for j, (taps, dilations) in enumerate(RESBLOCKS):
            block, branch = f"resblocks.{layer * len(RESBLOCKS) + j}", state
            for k, dilation in enumerate(dilations):
                inner = self.convolve(self.leaky(branch), f"{block}.convs1.{k}", taps, dilation)
                branch = graph.add("Add", self.convolve(self.leaky(inner), f"{block}.convs2.{k}", taps), branch)
            branches.append(branch)
        total = graph.add("Add", graph.add("Add", branches[0], branches[1]), branches[2])
        return graph.add("Div", total, graph.number(len(branches)))

    def _weight(self, name: str) -> str:
        return self._graph.weight(name, self._weights[f"{PREFIX}.{name}"])
