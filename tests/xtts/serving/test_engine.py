"""The engine on the tiny model: everybody hears what they would alone, and whatever befalls one is theirs alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from export.runtime.xtts.serving import Engine, Request, Serving, Unwatched
from tests.xtts.serving.asking import Ear, piece, request, said

SERVING = Serving(slots=3, most_waiting=40, threads=1, vocoder_threads=1, precision="fp32")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Engine]:
    engine = Engine(folder, SERVING, Unwatched())
    yield engine
    engine.stop(5.0)


def various() -> list[Request]:
    """Different texts, lengths, voices, seeds, speeds, rates, and numbers of pieces."""
    return [
        request(piece(1, 9, 24), who=1, seed=1),
        request(piece(2, 70, 40), who=2, seed=2, rate=16_000, least=30),
        request(piece(3, 30, 12), piece(4, 5, 15, ends=False), piece(5, 12, 12), who=3, seed=3),
        request(piece(6, 17, 30), who=1, seed=4, speed=1.3, rate=16_000),
        request(piece(1, 9, 24), who=1, seed=9, speed=0.8),
    ]


def test_everybody_hears_what_they_would_hear_alone(engine: Engine) -> None:
    alone = [said(engine, one).pcm for one in various()]
    together = [Ear() for _ in range(15)]
    for number, ear in enumerate(together):
        engine.submit(various()[number % 5], ear)
    for number, ear in enumerate(together):
        found, expected = ear.wait().pcm, alone[number % 5]
        assert ear.ends == ["done"]
        assert len(found) == len(expected) > 5_000
        assert np.abs(found.astype(int) - expected).max() <= 1
