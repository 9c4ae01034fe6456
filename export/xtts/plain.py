"""The four networks in plain numpy and double precision, as the equations stand: what the graphs are checked against.

Slow, and without any trick; knows neither onnx nor files.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts.config import ModelConfig
from export.weights import Weights
from export.xtts import manifest

Double = NDArray[np.float64]


class _Layers:
    """Weights in double precision, and the layers that need nothing else."""

    def __init__(self, weights: Weights, prefix: str) -> None:
        self._weights, self._prefix = weights, prefix

    def __call__(self, name: str) -> Double:
        return self._weights[f"{self._prefix}{name}"].astype(np.float64)

    def layer_norm(self, x: Double, name: str) -> Double:
        """Over the last axis."""
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt(np.square(x).mean(-1, keepdims=True) + 1e-5)
        return x * self(f"{name}.weight") + self(f"{name}.bias")

    def linear(self, x: Double, name: str, bias: bool = True) -> Double:
        """Over the last axis; the weight is [out, in], with or without a kernel of 1."""
        weight = self(f"{name}.weight")
        product: Double = x @ weight.reshape(len(weight), -1).T
        return product + self(f"{name}.bias") if bias else product

    def batch_norm(self, x: Double, name: str) -> Double:
        """Over axis 1, by the statistics of training."""
        shape = [-1] + [1] * (x.ndim - 2)
        parts = [self(f"{name}.{part}").reshape(shape) for part in ("running_mean", "running_var", "weight", "bias")]
        mean, variance, weight, bias = parts
        return (x - mean) / np.sqrt(variance + 1e-5) * weight + bias


def softmax(x: Double, axis: int = -1) -> Double:
    """Exponentials that add up to 1."""
    x = np.exp(x - x.max(axis, keepdims=True))
    total: Double = x / x.sum(axis, keepdims=True)
    return total


def attention(q: Double, k: Double, v: Double, *, causal: bool = False) -> Double:
    """Scaled dot products over [..., positions, width of a head]."""
    scores = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])
    if causal:
        scores = np.where(np.tri(scores.shape[-2], dtype=bool), scores, -np.inf)
    out: Double = softmax(scores) @ v
    return out


def gpt(weights: Weights, config: ModelConfig, x: Double) -> tuple[Double, Double]:
    """Latents [positions, width] and logits [positions, audio tokens] of embeddings [positions, width]."""
    layers = _Layers(weights, "gpt.")
    positions = len(x)

    def project(x: Double, name: str) -> Double:  # these matrices are [in, out]
        out: Double = x @ layers(f"{name}.weight") + layers(f"{name}.bias")
        return out

    for i in range(config.layers):
        block = f"gpt.h.{i}"
        packed = project(layers.layer_norm(x, f"{block}.ln_1"), f"{block}.attn.c_attn")
        q, k, v = packed.reshape(positions, 3, config.heads, config.head_width).transpose(1, 2, 0, 3)
        attended = attention(q, k, v, causal=True).transpose(1, 0, 2).reshape(positions, config.width)
        x = x + project(attended, f"{block}.attn.c_proj")
        hidden = project(layers.layer_norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc")
        hidden = 0.5 * hidden * (1 + np.tanh(math.sqrt(2 / math.pi) * (hidden + 0.044715 * hidden**3)))
        x = x + project(hidden, f"{block}.mlp.c_proj")
    latents = layers.layer_norm(layers.layer_norm(x, "gpt.ln_f"), "final_norm")
    return latents, layers.linear(latents, "mel_head")


def conditioning(weights: Weights, config: ModelConfig, mel: Double) -> Double:
    """Latents [32, width] of a normalised log-mel [bands, frames]."""
    layers = _Layers(weights, "gpt.conditioning_encoder.")
    x = layers.linear(mel.T, "init")
    frames = len(x)
    for i in range(manifest.CONDITIONING_BLOCKS):
        x = _group_norm(x, layers(f"attn.{i}.norm.weight"), layers(f"attn.{i}.norm.bias"))
        packed = layers.linear(x, f"attn.{i}.qkv").reshape(frames, config.heads, 3, config.head_width)
        attended = attention(*packed.transpose(2, 1, 0, 3)).transpose(1, 0, 2).reshape(frames, config.width)
        x = x + layers.linear(attended, f"attn.{i}.proj_out")  # to what was normalised, not to what came in
    layers = _Layers(weights, "gpt.conditioning_perceiver.")
    latents = layers("latents")
    heads, width = manifest.PERCEIVER_HEADS, manifest.PERCEIVER_HEAD
    for i in range(manifest.PERCEIVER_LAYERS):
        q = layers.linear(latents, f"layers.{i}.0.to_q", bias=False)
        kv = layers.linear(np.concatenate([latents, x]), f"layers.{i}.0.to_kv", bias=False)
        k, v = np.split(kv, 2, axis=1)
        split = [part.reshape(-1, heads, width).transpose(1, 0, 2) for part in (q, k, v)]
        attended = attention(*split).transpose(1, 0, 2).reshape(len(latents), -1)
        latents = latents + layers.linear(attended, f"layers.{i}.0.to_out", bias=False)
        wide, gates = np.split(layers.linear(latents, f"layers.{i}.1.0"), 2, axis=1)
        latents = latents + layers.linear(wide * _gelu(gates), f"layers.{i}.1.2")
    norm = np.sqrt(np.square(latents).sum(1, keepdims=True))
    normed: Double = latents / norm * math.sqrt(config.width) * layers("norm.gamma")
    return normed


def _groups(channels: int) -> int:
    """Into how many groups the conditioning encoder's norms cut the channels."""
    count = 32 if channels > 64 else 16 if channels > 16 else 8
    while channels % count:
        count //= 2
    return count


def _group_norm(x: Double, weight: Double, bias: Double) -> Double:
    """Of [frames, channels]: each group over all frames."""
    cut = x.reshape(len(x), _groups(x.shape[1]), -1)
    cut = cut - cut.mean((0, 2), keepdims=True)
    cut = cut / np.sqrt(np.square(cut).mean((0, 2), keepdims=True) + 1e-5)
    normed: Double = cut.reshape(x.shape) * weight + bias
    return normed


def _gelu(x: Double) -> Double:
    activated: Double = 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    return activated


def vocoder(weights: Weights, frames: Double, speaker: Double) -> Double:
    """Samples [frames * 256] of frames [width, frames] and a speaker vector."""
    layers = _Layers(weights, "hifigan_decoder.waveform_decoder.")

    def convolve(x: Double, name: str, dilation: int = 1) -> Double:
        bias = layers(f"{name}.bias") if name != "conv_post" else np.zeros(1)
        return _convolve(x, layers(f"{name}.weight"), dilation) + bias[:, None]

    x = convolve(frames, "conv_pre") + layers.linear(speaker, "cond_layer")[:, None]
    for i, (stride, _) in enumerate(manifest.UPSAMPLING):
        x = _widen(_leaky(x, 0.1), layers(f"ups.{i}.weight"), stride) + layers(f"ups.{i}.bias")[:, None]
        x = x + layers.linear(speaker, f"conds.{i}")[:, None]
        branches = []
        for j, (_, dilations) in enumerate(manifest.RESBLOCKS):
            block, y = f"resblocks.{i * len(manifest.RESBLOCKS) + j}", x
            for k, dilation in enumerate(dilations):
                inner = convolve(_leaky(y, 0.1), f"{block}.convs1.{k}", dilation)
                y = y + convolve(_leaky(inner, 0.1), f"{block}.convs2.{k}")
            branches.append(y)
        x = sum(branches[1:], branches[0]) / len(branches)
    pcm: Double = np.tanh(convolve(_leaky(x, 0.01), "conv_post"))[0]
    return pcm


def _leaky(x: Double, slope: float) -> Double:
    return np.where(x > 0, x, slope * x)


def _convolve(x: Double, weight: Double, dilation: int) -> Double:
    """Of [in, samples] with [out, in, kernel], padded so that the length stays."""
    reach = dilation * (weight.shape[2] - 1)
    padded = np.pad(x, ((0, 0), (reach // 2, reach // 2)))
    out = np.zeros((len(weight), x.shape[1]))
    for k, tap in enumerate(np.ascontiguousarray(weight.transpose(2, 0, 1))):
        out += tap @ padded[:, k * dilation : k * dilation + x.shape[1]]
    return out


def _widen(x: Double, weight: Double, stride: int) -> Double:
    """Transposed convolution of [in, samples] with [in, out, kernel]: each sample adds a kernel, a stride on."""
    kernel, count = weight.shape[2], x.shape[1]
    out = np.zeros((weight.shape[1], (count - 1) * stride + kernel))
    for k, tap in enumerate(np.ascontiguousarray(weight.transpose(2, 1, 0))):
        out[:, k : k + count * stride : stride] += tap @ x
    cut = (kernel - stride) // 2
    return out[:, cut : cut + count * stride]


def speaker(weights: Weights, mel: Double) -> Double:
    """The speaker vector, of length 1, of a power mel [64, frames]."""
    layers = _Layers(weights, "hifigan_decoder.speaker_encoder.")
    x = np.log(mel + 1e-6)
    x = x - x.mean(1, keepdims=True)
    x = (x / np.sqrt(np.square(x).mean(1, keepdims=True) + 1e-5))[None]
    x = np.maximum(_convolve2(x, layers("conv1.weight"), 1) + layers("conv1.bias")[:, None, None], 0)
    x = _batch(layers, x, "bn1")
    for i, blocks in enumerate(manifest.SPEAKER_BLOCKS):
        for j in range(blocks):
            x = _residual(layers, x, f"layer{i + 1}.{j}", stride=2 if i and not j else 1, narrows=bool(i) and not j)
    flat = x.reshape(-1, x.shape[-1])
    weight = layers.linear(flat.T, "attention.0").T
    weight = layers.batch_norm(np.maximum(weight, 0)[None], "attention.2")[0]
    weight = softmax(layers.linear(weight.T, "attention.3").T, axis=1)
    mean = (flat * weight).sum(1)
    deviation = np.sqrt(np.maximum((flat**2 * weight).sum(1) - mean**2, 1e-5))
    vector = layers.linear(np.concatenate([mean, deviation]), "fc")
    unit: Double = vector / np.linalg.norm(vector)
    return unit


def _residual(layers: _Layers, x: Double, block: str, stride: int, *, narrows: bool) -> Double:
    y = np.maximum(_convolve2(x, layers(f"{block}.conv1.weight"), stride), 0)
    y = _batch(layers, y, f"{block}.bn1")
    y = _batch(layers, _convolve2(y, layers(f"{block}.conv2.weight"), 1), f"{block}.bn2")
    squeezed = np.maximum(layers.linear(y.mean((1, 2)), f"{block}.se.fc.0"), 0)
    excited = 1 / (1 + np.exp(-layers.linear(squeezed, f"{block}.se.fc.2")))
    if narrows:
        x = np.einsum("oi,ihw->ohw", layers(f"{block}.downsample.0.weight")[:, :, 0, 0], x[:, ::stride, ::stride])
        x = _batch(layers, x, f"{block}.downsample.1")
    out: Double = np.maximum(y * excited[:, None, None] + x, 0)
    return out


def _batch(layers: _Layers, x: Double, name: str) -> Double:
    normed: Double = layers.batch_norm(x[None], name)[0]
    return normed


def _convolve2(x: Double, weight: Double, stride: int) -> Double:
    """Of [in, height, width] with 3 x 3 kernels, padded by 1."""
    height, width = (-(-n // stride) for n in x.shape[1:])
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    out = np.zeros((len(weight), height, width))
    for a in range(3):
        for b in range(3):
            tap = padded[:, a : a + (height - 1) * stride + 1 : stride, b : b + (width - 1) * stride + 1 : stride]
            out += np.tensordot(weight[:, :, a, b], tap, 1)
    return out
