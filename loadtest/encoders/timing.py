"""How much of a processor's time clips take, whatever the machine does beside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.encoders import task


def timed(encode: Callable[[Sequence[NDArray[np.int16]]], Any], batch: int) -> dict[str, float]:
    """CPU and wall milliseconds a clip, over `CLIPS_A_ROUND` of them, `batch` at a time, behind one that warms up."""
    clips = task.timed()[:batch]
    encode(clips)
    rounds = task.CLIPS_A_ROUND // batch
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        encode(clips)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu_ms": 1_000 * cpu / (rounds * batch), "wall_ms": 1_000 * wall / (rounds * batch)}
