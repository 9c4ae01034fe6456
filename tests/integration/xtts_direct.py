"""Asks XTTS's runtime without a server, in Triton's own Python environment: the same numpy, the same onnxruntime.

`python -m tests.integration.xtts_direct REPOSITORY IN.npz OUT.npz`; `voice` and `speech` call it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.setup.cache import REPOSITORY, Cache

if TYPE_CHECKING:
    from tests.integration.xtts_rig import Asked

Array = NDArray[Any]


def voice(repository: Path, pcm: NDArray[np.int16], rate: int) -> tuple[Array, Array]:
    """What `xtts_conditioning` in `repository` should answer: latents and speaker."""
    found = _asked(repository, pcm=pcm, rate=np.array(rate))
    return found["latents"], found["speaker"]


def speech(repository: Path, asked: Asked) -> NDArray[np.int16]:
    """What `xtts_v2` in `repository` should say in float32, of one piece of text at 24 kHz."""
    from tests.integration.xtts_rig import voice as somebody  # it needs what Triton's environment has not

    who = somebody(asked.who)
    found = _asked(
        repository,
        text=np.array(asked.text),
        language=np.array(asked.language),
        latents=who.gpt_conditioning.astype(np.float32),
        speaker=who.speaker,
        seed=np.array(asked.seed),
        speed=np.array(asked.speed),
    )
    pcm: NDArray[np.int16] = found["pcm"]
    return pcm


def _asked(repository: Path, **arrays: Any) -> dict[str, Array]:
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(given, **arrays)
        command: list[str | Path] = [Cache.default().python("triton"), "-m", __name__, repository, given, out]
        subprocess.run(command, check=True, cwd=REPOSITORY, env={"PYTHONPATH": str(REPOSITORY)})
        with np.load(out) as stored:
            return {name: stored[name] for name in stored.files}


def main(repository: Path, given: Path, out: Path) -> None:
    with np.load(given) as stored:
        asked = {name: stored[name] for name in stored.files}
    np.savez(out, **(_speech if "text" in asked else _voice)(repository, asked))


def _voice(repository: Path, asked: dict[str, Array]) -> dict[str, Any]:
    from export.runtime.xtts.conditioning import Conditioning, Recording

    pcm = asked["pcm"].astype(np.float32) / np.float32(32_768)
    made = Conditioning(repository / "xtts_conditioning/1/weights", threads=1)([Recording(pcm, int(asked["rate"]))])
    return {"latents": made.latents, "speaker": made.speaker}


def _speech(repository: Path, asked: dict[str, Array]) -> dict[str, Any]:
    from export.runtime.xtts.conditioning import Voice
    from export.runtime.xtts.decoding import Manner
    from export.runtime.xtts.synthesis import Xtts

    manner = Manner(seed=int(asked["seed"]), speed=float(asked["speed"]))
    model = Xtts(repository / "xtts_v2/1/weights", precision="fp32")
    who = Voice(asked["latents"], asked["speaker"])
    sound = model.synthesize(str(asked["text"]), who, str(asked["language"]), manner)
    return {"pcm": np.rint(np.clip(sound, -1, 1) * 32_767).astype(np.int16)}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
