"""How near two sets of answers are, and how near they have to be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tests.xtts.asking import Answers

BOUNDS: Final[Mapping[str, float]] = {
    r"greedy/.*/codes|sampler/.*/support": 0.0,
    r"greedy/.*/latents": 2e-6,
    r"greedy/.*/logits": 1e-5,
    r"sampler/.*/probabilities": 1e-6,
    r"vocoder/.*/pcm": 5e-6,
    r"voice/.*": 1e-4,
    r"mel/.*": 1e-5,
    r"resample/.*": 1e-6,
}
"""The greatest difference that each answer may have; 0 is the same answer."""

FULL_LATENTS: Final = 1e-5
"""Of the full model's latents: thirty layers of rounding."""

WINDOWS: Final = 1e-6
"""Of our own sound in windows from our own sound of the whole."""

LARGEST_ALLOWANCE: Final = 5e-5
"""How far the reference may be off its own computation in float64, where what it is off is allowed to ours."""


@dataclass(frozen=True)
class Difference:
    name: str
    most: float
    """The greatest difference of one value; infinite where not even the shapes are equal."""
    bound: float
    at: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} differs by {self.most:.3g} at {self.at}; it may by {self.bound:g}"


def differences(reference: Answers, ours: Iterable[tuple[str, NDArray[Any]]], **bounds: float) -> list[Difference]:
    """One for each of our answers.

    Args:
        bounds: other ones, by the last part of a name.
    Raises:
        KeyError: the reference was not asked for one of them.
        ValueError: one of them, or what it is compared with, holds what is no number.
    """
    found = []
    for name, array in ours:
        bound = bounds.get(name.rpartition("/")[2], bound_of(name))
        expected = finite(reference[name], f"{name} of the reference")
        finite(array, f"{name} of ours")
        if expected.shape != array.shape:
            found.append(Difference(name, float("inf"), bound))
            continue
        off = np.abs(expected.astype(np.float64) - array)
        if f"{name}/off" in reference:  # so far the reference is from its own computation in float64
            off = np.maximum(0.0, off - 1.001 * finite(reference[f"{name}/off"], f"{name}/off").astype(np.float64))
        at = np.unravel_index(int(off.argmax()), off.shape)
        found.append(Difference(name, float(off[at]), bound, tuple(map(int, at))))
    return found


def check_allowances(reference: Answers) -> None:
    """Raises:
    AssertionError: more is allowed than the speaker's log-mels need, or to another answer.
    """
    for name, off in reference.items():
        if name.endswith("/off"):
            allowed = name.startswith("mel/speaker/") and bool((np.abs(off) < LARGEST_ALLOWANCE).all())
            assert allowed, f"{name} is {np.abs(off).max():.3g}; it may be {LARGEST_ALLOWANCE} for mel/speaker"


def finite(array: NDArray[Any], whose: str) -> NDArray[Any]:
    """`array`, if it is numbers throughout: of what is not, any comparison is false."""
    if not np.isfinite(array).all():
        raise ValueError(f"{whose} is not finite")
    return array


def bound_of(name: str) -> float:
    """The bound of the answer `name`."""
    (bound,) = (bound for pattern, bound in BOUNDS.items() if re.fullmatch(pattern, name))
    return bound


def misses(found: Iterable[Difference]) -> list[str]:
    """Those that are over their bounds, each in a sentence."""
    return [str(one) for one in found if not one.most <= one.bound]
