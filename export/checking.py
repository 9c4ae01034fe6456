"""How far a file that was just written is from the equations it stands for, and whether that will do.

Knows onnxruntime; knows no model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from controller.errors import DragomanError

Array = NDArray[Any]
Double = NDArray[np.float64]
Figures = Mapping[str, float]
Check = Callable[[Path], Figures]

EXACT = 1e-4
"""Relative error of a float32 graph that is still rounding."""
ROUGH = 0.05
"""Relative error of a quantised graph from which on somebody should look at it before using it."""


class WrongGraph(DragomanError):
    """A written graph does not compute what its weights say: a fault of ours, or of onnxruntime on this machine."""


def is_finite(figures: Figures) -> bool:
    """Whether a graph gave numbers at all."""
    return all(map(math.isfinite, figures.values()))


def verdict(name: str, figures: Figures, *, exact: bool) -> str:
    """What to say of figures besides them: empty where all is well.

    Raises:
        WrongGraph: an exact graph is not, or a rounded one gives what are no numbers.
    """
    error = figures["relative_rms"]
    if not exact and not is_finite(figures):
        raise WrongGraph(
            f"{name} computes what are no finite numbers on these weights: "
            "look at the training they come from, and report which onnxruntime and processor this is"
        )
    if exact and not (error < EXACT and is_finite(figures)):
        raise WrongGraph(
            f"{name} does not compute what the checkpoint says (relative error {error:.2g}): "
            "do not use it, and report which onnxruntime and processor this is"
        )
    return "" if error < ROUGH else f"{name} is rough on these weights (relative error {error:.2g}): listen before use"


def run(path: Path, **inputs: Array) -> list[Double]:
    """The outputs of a graph."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return [array.astype(np.float64) for array in session.run(None, inputs)]


def noise(*shape: int) -> Double:
    """The same numbers each time, of mean 0 and deviation 1, and of float32's precision."""
    return np.random.Generator(np.random.Philox(4)).standard_normal(shape).astype(np.float32).astype(np.float64)


def difference(found: Double, expected: Double) -> dict[str, float]:
    return {
        "max_abs": float(np.abs(found - expected).max()),
        "relative_rms": relative(found, expected),
    }


def relative(found: Double, expected: Double) -> float:
    """Infinite where nothing but zeros is expected, which no check can go by."""
    size = rms(expected)
    return rms(found - expected) / size if size else math.inf


def rms(array: Double) -> float:
    return float(np.sqrt(np.square(array).mean()))
