"""speechbrain as an engine of the bench: runs in its own environment (`python -m loadtest.encoders.peer SIZE`)."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch

from export.identity.manifest import Ecapa
from export.identity.structural import SIZES
from loadtest.encoders import task
from loadtest.encoders.brain import Reference
from loadtest.encoders.timing import timed
from loadtest.xtts.exchange import serve


class Peer:
    def __init__(self, size: str) -> None:
        sizes = SIZES[size]["ecapa_tdnn"]
        assert isinstance(sizes, Ecapa)
        self._reference = Reference(sizes, task.SEED)

    def encode(self, batch: int) -> dict[str, Any]:
        """Clips of one length, `batch` at a time: so its batches are what it says of each alone."""
        return timed(lambda clips: self._reference(np.stack(clips)), batch)

    def compare(self, out: str) -> dict[str, Any]:
        """Each clip alone; the vectors go into the file `out`."""
        np.savez(out, alone=np.concatenate([self._reference(clip[None]) for clip in task.compared()]))
        return {}


def main() -> int:
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    peer = Peer(sys.argv[1])
    return serve({}, {"encode": peer.encode, "compare": peer.compare})


if __name__ == "__main__":
    sys.exit(main())
