"""Asks the references in their environment, and knows where their answers of another day are kept.

`python -m tests.encoders.asking` (`make golden-encoders`) asks anew and keeps the answers of the tiny networks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from export.setup.cache import REPOSITORY, Cache

KEPT: Final = Path(__file__).parent / "golden" / "tiny.npz"

LARGEST_B: Final = 200_000
"""Bytes that they may take."""

LIVE: Final = os.environ.get("ENCODERS_REFERENCE") == "live"
"""Whether tests ask the references (`make parity-encoders`)."""

Answers = Mapping[str, NDArray[Any]]


def kept() -> Answers:
    return _read(KEPT)


def asked(*words: str) -> Answers:
    """What `tests.encoders.reference` answers now."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answers.npz"
        _ask(out, *words)
        return _read(out)


def _read(file: Path) -> Answers:
    with np.load(file) as stored:
        return {name: stored[name] for name in stored.files}


def _ask(out: Path, *words: str) -> None:
    """Raises CalledProcessError where the reference fails; it has said why."""
    subprocess.run(
        [Cache.default().python("speechbrain"), "-W", "ignore", "-m", "tests.encoders.reference", "--out", out, *words],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=True,
    )


def main() -> int:
    KEPT.parent.mkdir(exist_ok=True)
    _ask(KEPT)
    print(f"golden-encoders: {KEPT.relative_to(REPOSITORY)}, {KEPT.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
