"""XTTS on the real Triton for tests: a repository of the tiny model with random weights, and a server of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from export.setup.cache import REPOSITORY, Cache
from export.setup.components import missing
from tests.integration.asking import Samples
from tests.requirements import require_or_skip

SEED = 1
WIDTH = 64
"""Of the tiny model's latents."""


def require() -> None:
    """Skip (or fail, see `require_or_skip`) where Triton, or what exports XTTS, is not here."""
    cache = Cache.default()
    for name, components in (("triton", ("python", "triton-server", "env-triton")), ("xtts", ("env-export",))):
        for one in missing(cache, components):
            require_or_skip(name, False, one.sentence)


def exported(folder: Path) -> Path:
    """`folder` with both models in it, exported as a user would."""
    source = ("--structural", "tiny", "--seed", str(SEED))
    command: list[str | Path] = [Cache.default().python("export"), "-m", "export", "xtts", *source, "--out", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    return folder


def hum(seconds: float, rate: int = 16_000, seed: int = 0) -> Samples:
    """Something like a voice: a pitch that wanders, its overtones, breath."""
    random = np.random.default_rng(seed)
    times = np.arange(round(seconds * rate)) / rate
    turn = np.cumsum(2 * np.pi * (120 + 40 * np.sin(times * (2 + seed)))) / rate
    sound = 0.1 * np.sum([np.sin(k * turn) / k for k in range(1, 12)], axis=0) + random.normal(0, 0.01, len(times))
    pcm: Samples = np.clip(sound * 32_768, -32_768, 32_767).astype(np.int16)
    return pcm
