"""What both sides of a comparison are given: the same bits in either environment. Knows neither of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from export.identity import manifest
from export.identity.manifest import Campplus, Ecapa
from export.runtime.identity.clips import RATE, Pcm
from tests.xtts.material import speech

SEEDS: Final = (1, 2)
"""Of the tiny networks."""

LENGTHS_S: Final = (0.5, 0.731, 1.01, 2.2)


def clips() -> Iterator[tuple[str, Pcm]]:
    """Several lengths; one falls silent in its middle, one is so faint that its floors are heard."""
    for seconds in LENGTHS_S:
        yield f"{seconds} s", _pcm(f"clip {seconds}", seconds)
    broken = _pcm("broken off", 0.9)
    broken[4_000:9_000] = 0
    yield "broken off", broken
    yield "faint", (_pcm("faint", 0.6) // 4_096).astype(np.int16)


def heard() -> Iterator[tuple[str, Pcm]]:
    """Those of which the features are compared, too: they take room."""
    return ((name, pcm) for name, pcm in clips() if name in ("0.5 s", "broken off", "faint"))


def of_lengths(*seconds: float) -> list[Pcm]:
    return [_pcm(f"length {number}", one) for number, one in enumerate(seconds)]


def tiny_ecapa() -> Ecapa:
    sizes = manifest.TINY["ecapa_tdnn"]
    assert isinstance(sizes, Ecapa)
    return sizes


def tiny_campplus() -> Campplus:
    sizes = manifest.TINY["campplus"]
    assert isinstance(sizes, Campplus)
    return sizes


def _pcm(name: str, seconds: float) -> Pcm:
    pcm: Pcm = np.rint(speech(name, seconds, RATE) * 32_767).astype(np.int16)
    return pcm
