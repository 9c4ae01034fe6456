"""Where trainings of the style network are kept in the cache folder: by digest of all that decides them.

Gets what a training needs, runs it in its environment, and leaves alone what is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controller.errors import DragomanError
from export.gst import recordings
from export.gst.recordings import Pack
from export.setup import components
from export.setup.cache import REPOSITORY, Cache
from export.setup.training import PINS

NEEDED = ("env-training", "recordings")

_TRAINING = Path(__file__).parent / "training"
_OF_TRAINING = ("batches", "material", "network", "saying", "sound", "training")
"""Modules there that decide what is trained."""


class TrainingFailed(DragomanError):
    """A training ended without weights; it has said why."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The trainings of one recipe on the same recordings."""

    cache: Cache
    recipe: str
    """SHA-256 of the code that trains and of the versions it runs on."""
    data: str
    """SHA-256 of the recordings it uses."""

    @property
    def folder(self) -> Path:
        return self.cache.root / "trained" / f"gst-{self.digest}"

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.recipe}{self.data}".encode()).hexdigest()[:16]

    def trained(self, *, shuffled: bool = False) -> Path:
        """The folder with trained.npz, untrained.npz and training.json, trained where it is missing: minutes.

        Raises:
            TrainingFailed: it could not be.
        """
        folder = self.folder / ("shuffled" if shuffled else "true")
        if not (folder / "trained.npz").exists():
            words = ["--material", str(self.folder / "material"), "--processes", str(os.cpu_count() or 1)]
            self._run("train", folder, *words, *["--shuffled"] * shuffled)
        return folder

    def made(self, what: str) -> Path:
        """The file with the clips of `test` or `speakers`, made where it is missing.

        Raises:
            TrainingFailed: it could not be.
        """
        code = _digest([(_TRAINING / "testing.py").read_bytes(), (_TRAINING / "sound.py").read_bytes()])
        file = self.folder / f"{what}-{code[:8]}.npz"
        if not file.exists():
            self._run(what, file, "--processes", str(os.cpu_count() or 1))
        return file

    def described(self) -> dict[str, Any]:
        """What the record of an export says."""
        log = json.loads((self.trained() / "training.json").read_text())
        return {"recipe": self.recipe, "recordings": self.data, "steps": log["steps"], "seed": log["seed"]}

    def _run(self, what: str, out: Path, *words: str) -> None:
        command = [
            *(str(self.cache.python("training")), "-m", "export.gst.training", what),
            *("--recordings", str(self.cache.recordings), "--out", str(out), *words),
        ]
        # Threads that wait for each other must not burn the cores that the other processes work on.
        variables = {"PYTHONPATH": str(REPOSITORY), "OMP_WAIT_POLICY": "PASSIVE", "PYTHONWARNINGS": "ignore"}
        sys.stdout.flush()
        done = subprocess.run(command, cwd=REPOSITORY, env={**os.environ, **variables}, check=False)
        if done.returncode:
            raise TrainingFailed(f"the style network could not be trained ({what}): see what was said above")


def kept(cache: Cache) -> Kept:
    """The trainings of the present recipe; gets the environment and the recordings where they are missing.

    Raises:
        SetupError: they cannot be had.
    """
    components.ensure(cache, NEEDED)
    packs = (*recordings.TRAINING, *recordings.VALIDATION, *recordings.TEST, *recordings.PROFESSIONAL)
    return Kept(cache, _recipe(), _data(packs, cache.recordings))


def _recipe() -> str:
    here, runtime = Path(__file__).parent, REPOSITORY / "export" / "runtime"
    files = [
        *(_TRAINING / f"{name}.py" for name in _OF_TRAINING),
        *(here / name for name in ("recordings.py", "shapes.py")),
        *(runtime / "prosody" / name for name in ("features.py", "measures.py", "pitch.py")),
        *(runtime / "mel.py", PINS),
    ]
    return _digest(file.read_bytes() for file in files)


def _data(packs: Iterable[Pack], root: Path) -> str:
    paths = sorted({path for pack in packs for path in pack.paths(root)})
    return _digest(part for path in paths for part in (str(path.relative_to(root)).encode(), path.read_bytes()))


def _digest(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()
