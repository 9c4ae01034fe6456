"""The style network in plain equations and double precision, one recording at a time: what the graph is checked by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.gst.shapes import DEPTH, FILTERS, HEADS, NORM_EPSILON, STATE, TOKENS, WIDTH
from export.weights import Weights

Double = NDArray[np.float64]


def tokens(features: Double, weights: Weights) -> Double:
    """float64[56] of float64[frames, 80]."""
    state = features[None]
    for i in range(len(FILTERS)):
        state = np.maximum(_normed(_convolved(state, weights[f"convs.{i}.weight"]), weights, f"norms.{i}"), 0)
    last = _remembered(state.transpose(1, 0, 2).reshape(state.shape[1], -1), weights)
    return (_attended(last, weights) - weights["centre"]) * weights["gain"]


def _convolved(state: Double, kernel: NDArray[np.float32]) -> Double:
    """Every second place of both axes of [channels, frames, bands], zeros around it."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(state, ((0, 0), (1, 1), (1, 1))), (3, 3), axis=(1, 2))
    found: Double = np.einsum("cthij,ocij->oth", windows[:, ::2, ::2], kernel.astype(np.float64))
    return found


def _normed(state: Double, weights: Weights, name: str) -> Double:
    scale, bias, mean, variance = (
        weights[f"{name}.{part}"].astype(np.float64)[:, None, None]
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    normed: Double = (state - mean) / np.sqrt(variance + NORM_EPSILON) * scale + bias
    return normed


def _remembered(steps: Double, weights: Weights) -> Double:
    """The last state of a gated recurrent unit: K. Cho et al., 2014, as torch has it."""
    inner, outer = (weights[f"gru.weight_{which}_l0"].astype(np.float64) for which in ("ih", "hh"))
    inner_bias, outer_bias = (weights[f"gru.bias_{which}_l0"].astype(np.float64) for which in ("ih", "hh"))
    state = np.zeros(STATE)
    for step in steps:
        given = np.split(inner @ step + inner_bias, 3)
        kept = np.split(outer @ state + outer_bias, 3)
        reset, update = (1 / (1 + np.exp(-(given[gate] + kept[gate]))) for gate in (0, 1))
        state = (1 - update) * np.tanh(given[2] + reset * kept[2]) + update * state
    return state


def _attended(state: Double, weights: Weights) -> Double:
    known = np.tanh(weights["tokens"].astype(np.float64))
    query, key, value = (weights[f"{which}.weight"].astype(np.float64) for which in ("query", "key", "value"))
    asked = (query @ state).reshape(HEADS, DEPTH)
    keys, values = ((known @ one.T).reshape(TOKENS, HEADS, DEPTH) for one in (key, value))
    scores = np.exp(np.einsum("hd,khd->hk", asked, keys) / DEPTH**0.5)
    shares = scores / scores.sum(axis=1, keepdims=True)
    found: Double = np.einsum("hk,khd->hd", shares, values).reshape(WIDTH)
    return found
