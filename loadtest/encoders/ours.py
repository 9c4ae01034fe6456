"""Our encoders as an engine of the bench: `python -m loadtest.encoders.ours WEIGHTS PRECISION`, where exports run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from export.runtime.identity.encoders import Ecapa, opened
from loadtest.encoders import task
from loadtest.encoders.timing import timed
from loadtest.xtts.exchange import serve


class Ours:
    def __init__(self, folder: Path, precision: Any) -> None:
        self._encoder = opened(folder, threads=1, precision=precision)

    def encode(self, batch: int) -> dict[str, Any]:
        return timed(self._encoder, batch)

    def compare(self, out: str) -> dict[str, Any]:
        """ECAPA's vectors before they are scaled, of each clip alone and of all at once, go into the file `out`."""
        assert isinstance(self._encoder, Ecapa)
        clips = task.compared()
        alone = np.concatenate([self._encoder.native([clip]) for clip in clips])
        np.savez(out, alone=alone, together=self._encoder.native(clips))
        return {}


def main() -> int:
    folder, precision = sys.argv[1:]
    ours = Ours(Path(folder), precision)
    return serve({}, {"encode": ours.encode, "compare": ours.compare})


if __name__ == "__main__":
    sys.exit(main())
