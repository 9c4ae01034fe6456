"""What the style network is trained with: an environment that has torch and WORLD, and recordings of people."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from export.gst import recordings
from export.setup import environment
from export.setup.environment import REQUIREMENTS
from export.setup.folders import DebianFolder
from export.setup.kit import Kit
from export.setup.peers import WITH_CUDA, WITHOUT_CUDA, add_torch

PINS: Final = REQUIREMENTS / "training.txt"
IMPORTS: Final = "import av, numpy, pyworld"

RECORDINGS: Final = DebianFolder(recordings.PACKAGES, ("asterisk-core-sounds-en-g722", "1.6"))


def recipe() -> list[str]:
    """What decides the environment."""
    return [IMPORTS, *(pins.read_text() for pins in (PINS, WITHOUT_CUDA, WITH_CUDA))]


def make(kit: Kit, env: Path) -> str:
    """Make the environment `env`, with whichever build of torch there is.

    Raises:
        SetupError: it cannot be made, or its imports fail.
    """
    note = environment.make(kit, env, PINS, IMPORTS)
    add_torch(kit, env)
    return note
