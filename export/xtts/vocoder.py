"""The vocoder of XTTS v2 as an ONNX graph: a HiFi-GAN generator that hears the speaker in every up-sampling layer.

J. Kong et al., HiFi-GAN, 2020. Frames come at their final rate, 256 samples each.
"""

from __future__ import annotations

from pathlib import Path

from export.graph import Graph
from export.runtime.xtts.config import ModelConfig
from export.weights import Weights
from export.xtts.manifest import RESBLOCKS, UPSAMPLING

SLOPE, LAST_SLOPE = 0.1, 0.01
PREFIX = "hifigan_decoder.waveform_decoder"


def write(path: Path, weights: Weights, config: ModelConfig) -> None:
    """frames[rows, width, count] and speaker[rows, 512] -> pcm[rows, count * 256] in -1..1."""
    with Graph(path) as graph:
        frames = graph.input("frames", ("rows", config.decoder_input, "frames"))
        speaker = graph.input("speaker", ("rows", config.speaker_width))
        column = graph.add("Unsqueeze", speaker, graph.integers(2))

        def weight(name: str) -> str:
            return graph.weight(name, weights[f"{PREFIX}.{name}"])

        def convolve(value: str, name: str, kernel: int = 1, dilation: int = 1) -> str:
            parts = [weight(f"{name}.{part}") for part in ("weight", "bias") if name != "conv_post" or part == "weight"]
            reach = dilation * (kernel - 1) // 2
            return graph.add("Conv", value, *parts, dilations=[dilation], pads=[reach, reach])

        def leaky(value: str, slope: float = SLOPE) -> str:
            return graph.add("LeakyRelu", value, alpha=slope)

        state = graph.add("Add", convolve(frames, "conv_pre", 7), convolve(column, "cond_layer"))
        for i, (stride, kernel) in enumerate(UPSAMPLING):
            cut = (kernel - stride) // 2
            parts = weight(f"ups.{i}.weight"), weight(f"ups.{i}.bias")
            state = graph.add("ConvTranspose", leaky(state), *parts, strides=[stride], pads=[cut, cut])
            state = graph.add("Add", state, convolve(column, f"conds.{i}"))
            branches = []
            for j, (taps, dilations) in enumerate(RESBLOCKS):
                block, branch = f"resblocks.{i * len(RESBLOCKS) + j}", state
                for k, dilation in enumerate(dilations):
                    inner = convolve(leaky(branch), f"{block}.convs1.{k}", taps, dilation)
                    branch = graph.add("Add", convolve(leaky(inner), f"{block}.convs2.{k}", taps), branch)
                branches.append(branch)
            total = graph.add("Add", graph.add("Add", branches[0], branches[1]), branches[2])
            state = graph.add("Div", total, graph.number(len(branches)))
        wave = graph.add("Tanh", convolve(leaky(state, LAST_SLOPE), "conv_post", 7))
        graph.add("Squeeze", wave, graph.integers(1), to="pcm")
        graph.output("pcm", ("rows", "samples"))
