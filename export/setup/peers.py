"""The environment of coqui-tts, which pinned wheels alone do not make: three faults of its packages are mended.

Nothing of ours ever runs on it but what compares with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from export.setup import environment
from export.setup.environment import REQUIREMENTS
from export.setup.errors import Unreachable
from export.setup.kit import Kit

PINS: Final = REQUIREMENTS / "coqui-tts.txt"
WITHOUT_CUDA: Final = REQUIREMENTS / "coqui-tts-cpu.txt"
WITH_CUDA: Final = REQUIREMENTS / "coqui-tts-cuda.txt"

IMPORTS: Final = "import soundfile, torchaudio.functional; from TTS.tts.models.xtts import Xtts"

COMPILED: Final = "torchaudio/lib/_torchaudio.abi3.so"
_STUB: Final = '"""Stands where coqui-tts looks for it: audio is handed over as samples, nothing is decoded."""\n'


def recipe() -> list[str]:
    """What decides the environment."""
    return [IMPORTS, COMPILED, _STUB, *(pins.read_text() for pins in (PINS, WITHOUT_CUDA, WITH_CUDA))]


def make(kit: Kit, env: Path) -> str:
    """Make the environment `env`.

    Raises:
        SetupError: it cannot be made, or its imports fail.
    """
    note = environment.make(kit, env, PINS, "")
    try:
        environment.add(kit, env, WITHOUT_CUDA, "import torch")
    except Unreachable:
        environment.add(kit, env, WITH_CUDA, "import torch")
    (site,) = (env / "lib").glob("python3*/site-packages")
    # The extension is linked against a torch with CUDA and of another version; what is needed works without it.
    (site / COMPILED).rename(site / f"{COMPILED}.aside")
    # coqui-tts is not imported without torchcodec, and torchcodec not without ffmpeg.
    (site / "torchcodec").mkdir()
    (site / "torchcodec" / "__init__.py").write_text(_STUB)
    environment.check(kit.programs, env, IMPORTS)
    return note
