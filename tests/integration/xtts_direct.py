"""Asks XTTS's runtime without a server, in Triton's own Python environment: the same numpy, the same onnxruntime.

`python -m tests.integration.xtts_direct REPOSITORY IN.npz OUT.npz`; see `voice` for who calls it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.setup.cache import REPOSITORY, Cache

Array = NDArray[Any]


def voice(repository: Path, pcm: NDArray[np.int16], rate: int) -> tuple[Array, Array]:
    """What `xtts_conditioning` in `repository` should answer: latents and speaker."""
    found = _asked(repository, pcm=pcm, rate=np.array(rate))
    return found["latents"], found["speaker"]


def _asked(repository: Path, **arrays: Any) -> dict[str, Array]:
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(given, **arrays)
        command: list[str | Path] = [Cache.default().python("triton"), "-m", __name__, repository, given, out]
        subprocess.run(command, check=True, cwd=REPOSITORY, env={"PYTHONPATH": str(REPOSITORY)})
        with np.load(out) as stored:
            return {name: stored[name] for name in stored.files}


def main(repository: Path, given: Path, out: Path) -> None:
    from export.runtime.xtts.conditioning import Conditioning, Recording

    with np.load(given) as asked:
        pcm = asked["pcm"].astype(np.float32) / np.float32(32_768)
        rate = int(asked["rate"])
    made = Conditioning(repository / "xtts_conditioning/1/weights", threads=1)([Recording(pcm, rate)])
    np.savez(out, latents=made.latents, speaker=made.speaker)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
