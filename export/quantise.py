"""Matrices in 8 bits, as onnxruntime's kernels read them. Symmetric: what is 0 stays 0. Knows arrays only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.weights import Float

BLOCK = 64
"""Inputs that share a scale."""
LEVELS = 127
MIDDLE = 128
"""What 0 is kept as in unsigned bytes."""


def by_block(weight: Float) -> tuple[NDArray[np.uint8], Float]:
    """For `MatMulNBits`: a scale for each output and block of inputs.

    Args:
        weight: float32[in, out].
    Returns:
        uint8[out, in / BLOCK, BLOCK] and float32[out, in / BLOCK], the last block filled up with zeros.
    """
    count = -(-weight.shape[0] // BLOCK)
    blocks = np.zeros((weight.shape[1], count * BLOCK), np.float32)
    blocks[:, : weight.shape[0]] = weight.T
    blocks = blocks.reshape(weight.shape[1], count, BLOCK)
    scales = _scales(np.abs(blocks).max(axis=2))
    blocks /= scales[..., None]
    np.rint(blocks, out=blocks)
    blocks += MIDDLE
    return blocks.astype(np.uint8), scales


def by_column(weight: Float) -> tuple[NDArray[np.int8], Float]:
    """For `DynamicQuantizeMatMul`: a scale for each output.

    Args:
        weight: float32[in, out].
    Returns:
        int8[in, out] and float32[out].
    """
    scales = _scales(np.abs(weight).max(axis=0))
    return np.rint(weight / scales).astype(np.int8), scales


def _scales(largest: Float) -> Float:
    scales: Float = (np.where(largest > 0, largest, 1.0) / LEVELS).astype(np.float32)
    return scales
