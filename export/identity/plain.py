"""The two networks in plain numpy and double precision, as the equations stand: what the graphs are checked against.

One clip at a time, without any trick; knows neither onnx nor files.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.identity.manifest import DILATIONS, HEAD_BLOCKS, LAYERS, NORM_EPSILON, SCALE, SEGMENT
from export.weights import Weights

Double = NDArray[np.float64]


class _Layers:
    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def __call__(self, name: str) -> Double:
        return self._weights[name].astype(np.float64)

    def convolve(self, x: Double, name: str, *, dilation: int = 1, stride: int = 1, mode: Any = "constant") -> Double:
        """Of [in, frames] with [out, in, kernel], padded so that without a stride the length stays."""
        weight = self(f"{name}.weight")
        reach = dilation * (weight.shape[2] - 1)
        padded = np.pad(x, ((0, 0), (reach // 2, reach // 2)), mode=mode)
        count = (x.shape[1] - 1) // stride + 1
        out = np.zeros((len(weight), count))
        for k in range(weight.shape[2]):
            begin = k * dilation
            out += weight[:, :, k] @ padded[:, begin : begin + (count - 1) * stride + 1 : stride]
        return out

    def biased(self, x: Double, name: str, **how: Any) -> Double:
        return self.convolve(x, name, **how) + self(f"{name}.bias")[:, None]

    def norm(self, x: Double, name: str, *, affine: bool = True) -> Double:
        """Over axis 0."""
        shape = [-1] + [1] * (x.ndim - 1)

        def part(which: str) -> Double:
            return self(f"{name}.{which}").reshape(shape)

        normed: Double = (x - part("running_mean")) / np.sqrt(part("running_var") + NORM_EPSILON)
        return normed * part("weight") + part("bias") if affine else normed


def ecapa(weights: Weights, features: Double) -> Double:
    """The vector of the features [frames, 80] of one clip."""
    layers = _Layers(weights)

    def tdnn(x: Double, name: str, dilation: int = 1) -> Double:
        x = layers.biased(x, f"{name}.conv.conv", dilation=dilation, mode="reflect")
        return layers.norm(np.maximum(x, 0), f"{name}.norm.norm")

    x = tdnn(features.T, "blocks.0")
    found = []
    for number, dilation in enumerate(DILATIONS, 1):
        block = f"blocks.{number}"
        parts = np.split(tdnn(x, f"{block}.tdnn1"), SCALE)
        heard = [parts[0], tdnn(parts[1], f"{block}.res2net_block.blocks.0", dilation)]
        for part in range(2, SCALE):
            heard.append(tdnn(parts[part] + heard[-1], f"{block}.res2net_block.blocks.{part - 1}", dilation))
        inner = tdnn(np.concatenate(heard), f"{block}.tdnn2")
        squeezed = np.maximum(layers.biased(inner.mean(1, keepdims=True), f"{block}.se_block.conv1.conv"), 0)
        x = inner * _sigmoid(layers.biased(squeezed, f"{block}.se_block.conv2.conv")) + x
        found.append(x)
    x = tdnn(np.concatenate(found), "mfa")
    frames = x.shape[1]
    whole = [np.repeat(one[:, None], frames, axis=1) for one in _weighed(x, np.full_like(x, 1 / frames))]
    scores = layers.biased(np.tanh(tdnn(np.concatenate([x, *whole]), "asp.tdnn")), "asp.conv.conv")
    shares = np.exp(scores - scores.max(1, keepdims=True))
    pooled = np.concatenate(_weighed(x, shares / shares.sum(1, keepdims=True)))
    return layers.biased(layers.norm(pooled[:, None], "asp_bn.norm"), "fc.conv")[:, 0]


def _weighed(x: Double, shares: Double) -> tuple[Double, Double]:
    mean = (x * shares).sum(1)
    return mean, np.sqrt(np.maximum((shares * (x - mean[:, None]) ** 2).sum(1), 1e-12))


def _sigmoid(x: Double) -> Double:
    risen: Double = 1 / (1 + np.exp(-x))
    return risen


def campplus(weights: Weights, features: Double) -> Double:
    """The vector of the features [frames, 80] of one window."""
    layers = _Layers(weights)
    x = _head(layers, features.T[None])
    x = layers.convolve(x.reshape(-1, x.shape[2]), "xvector.tdnn.linear", stride=2)
    x = np.maximum(layers.norm(x, "xvector.tdnn.nonlinear.batchnorm"), 0)
    for number, (count, dilation) in enumerate(LAYERS, 1):
        for layer in range(1, count + 1):
            name = f"xvector.block{number}.tdnnd{layer}"
            inner = np.maximum(layers.norm(x, f"{name}.nonlinear1.batchnorm"), 0)
            inner = np.maximum(
                layers.norm(layers.convolve(inner, f"{name}.linear1"), f"{name}.nonlinear2.batchnorm"), 0
            )
            local = layers.convolve(inner, f"{name}.cam_layer.linear_local", dilation=dilation)
            context = np.empty_like(inner)
            for start in range(0, inner.shape[1], SEGMENT):
                segment = slice(start, start + SEGMENT)
                context[:, segment] = inner.mean(1, keepdims=True) + inner[:, segment].mean(1, keepdims=True)
            context = np.maximum(layers.biased(context, f"{name}.cam_layer.linear1"), 0)
            x = np.concatenate([x, local * _sigmoid(layers.biased(context, f"{name}.cam_layer.linear2"))])
        name = f"xvector.transit{number}"
        x = layers.convolve(np.maximum(layers.norm(x, f"{name}.nonlinear.batchnorm"), 0), f"{name}.linear")
    x = np.maximum(layers.norm(x, "xvector.out_nonlinear.batchnorm"), 0)
    pooled = np.concatenate([x.mean(1), x.std(1, ddof=1)])[:, None]
    vector = layers.convolve(pooled, "xvector.dense.linear")
    return layers.norm(vector, "xvector.dense.nonlinear.batchnorm", affine=False)[:, 0]


def _head(layers: _Layers, x: Double) -> Double:
    """[planes, 10, frames] of [1, 80, frames]."""

    def convolved(x: Double, conv: str, norm: str, stride: int = 1) -> Double:
        return layers.norm(_convolve2(x, layers(f"{conv}.weight"), stride), norm)

    x = np.maximum(convolved(x, "head.conv1", "head.bn1"), 0)
    for block, stride in HEAD_BLOCKS:
        name = f"head.{block}"
        inner = np.maximum(convolved(x, f"{name}.conv1", f"{name}.bn1", stride), 0)
        inner = convolved(inner, f"{name}.conv2", f"{name}.bn2")
        x = np.maximum(
            inner + (convolved(x, f"{name}.shortcut.0", f"{name}.shortcut.1", stride) if stride > 1 else x), 0
        )
    return np.maximum(convolved(x, "head.conv2", "head.bn2", 2), 0)


def _convolve2(x: Double, weight: Double, stride: int) -> Double:
    """Of [in, bands, frames] with square kernels, padded so that without a stride the size stays; the stride is over
    bands."""
    reach = weight.shape[2] // 2
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach)))
    bands, frames = (x.shape[1] - 1) // stride + 1, x.shape[2]
    out = np.zeros((len(weight), bands, frames))
    for a in range(weight.shape[2]):
        for b in range(weight.shape[3]):
            tap = padded[:, a : a + (bands - 1) * stride + 1 : stride, b : b + frames]
            out += np.tensordot(weight[:, :, a, b], tap, 1)
    return out
