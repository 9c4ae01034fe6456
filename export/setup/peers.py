"""The environments of coqui-tts and speechbrain, which pinned wheels alone do not make: faults of packages are mended.

Nothing of ours ever runs on them but what compares with them.
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

SPEECHBRAIN_PINS: Final = REQUIREMENTS / "speechbrain.txt"
SPEECHBRAIN_IMPORTS: Final = (
    "import torchaudio.compliance.kaldi; from speechbrain.lobes.features import Fbank; "
    "from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN"
)

COMPILED: Final = "torchaudio/lib/_torchaudio.abi3.so"
_STUB: Final = '"""Stands where coqui-tts looks for it: audio is handed over as samples, nothing is decoded."""\n'


def recipe() -> list[str]:
    """What decides the environment."""
    return [IMPORTS, COMPILED, _STUB, *(pins.read_text() for pins in (PINS, WITHOUT_CUDA, WITH_CUDA))]


def make(kit: Kit, env: Path) -> str:
    """Make coqui-tts's environment `env`.

    Raises:
        SetupError: it cannot be made, or its imports fail.
    """
    note, site = _with_torch(kit, env, PINS)
    # coqui-tts is not imported without torchcodec, and torchcodec not without ffmpeg.
    (site / "torchcodec").mkdir()
    (site / "torchcodec" / "__init__.py").write_text(_STUB)
    environment.check(kit.programs, env, IMPORTS)
    return note


def speechbrain_recipe() -> list[str]:
    """What decides speechbrain's."""
    pins = (SPEECHBRAIN_PINS, WITHOUT_CUDA, WITH_CUDA)
    return [SPEECHBRAIN_IMPORTS, COMPILED, *(one.read_text() for one in pins)]


def make_speechbrain(kit: Kit, env: Path) -> str:
    """Make speechbrain's environment `env`.

    Raises:
        SetupError: it cannot be made, or its imports fail.
    """
    note, _ = _with_torch(kit, env, SPEECHBRAIN_PINS)
    environment.check(kit.programs, env, SPEECHBRAIN_IMPORTS)
    return note


def add_torch(kit: Kit, env: Path) -> None:
    """Add whichever build of torch there is; without CUDA it is a tenth of the size.

    Raises:
        SetupError: there is none.
    """
    try:
        environment.add(kit, env, WITHOUT_CUDA, "import torch")
    except Unreachable:
        environment.add(kit, env, WITH_CUDA, "import torch")


def _with_torch(kit: Kit, env: Path, pins: Path) -> tuple[str, Path]:
    """Make an environment with whichever build of torch there is; returns a note and where its packages lie."""
    note = environment.make(kit, env, pins, "")
    add_torch(kit, env)
    (site,) = (env / "lib").glob("python3*/site-packages")
    # The extension is linked against a torch with CUDA and of another version; what is needed works without it.
    (site / COMPILED).rename(site / f"{COMPILED}.aside")
    return note, site
