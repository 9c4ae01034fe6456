"""What a bench beside coqui-tts begins with: structural weights, and which versions are compared."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

from export.setup.cache import REPOSITORY, Cache
from export.setup.environment import REQUIREMENTS
from loadtest.xtts import task


def exported(cache: Cache, config: str, repository: Path) -> Path:
    """The weights folder, exported into a model repository where it is not there yet.

    Args:
        config: full, tiny.
    Raises:
        subprocess.CalledProcessError: it cannot be; the export has said why.
    """
    out = str(repository.absolute())  # the export runs elsewhere
    words = ["--structural", config, "--seed", str(task.SEED), "--out", out]
    subprocess.run([cache.python("export"), "-m", "export", "xtts", *words], cwd=REPOSITORY, check=True)
    return repository / "xtts_v2" / "1" / "weights"


def versions() -> dict[str, str]:
    """Of Python, and of what was pinned for both sides."""
    pins = "".join((REQUIREMENTS / f"{name}.txt").read_text() for name in ("export", "coqui-tts", "coqui-tts-cpu"))
    wanted = ("onnxruntime", "coqui-tts", "transformers", "torch")
    found = {name: re.findall(rf"^{name}==(\S+)", pins, re.MULTILINE)[0] for name in wanted}
    return {"python": platform.python_version(), **found}
