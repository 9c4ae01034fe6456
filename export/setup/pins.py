"""Makes the pinned requirement files anew from pyproject.toml (`make lock`); needs uv and the network.

What is pinned by hand (Triton's server, weights) is left alone.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from export.setup.cache import REPOSITORY
from export.setup.environment import REQUIREMENTS
from export.setup.python import WANTED

PEERS: Final = ("pipecat",)
"""What benches compare with (make reference-env), made of pinned wheels alone; each has a file of that name."""

OFFICIAL: Final = "3.12"
"""The Python of NVIDIA's Triton images, on which docker/triton-gpu.Dockerfile stands."""

_OPTIONS: Final = (
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--quiet",
)


def names(requirements: Path) -> list[str]:
    """The distributions that a pinned file names."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", requirements.read_text(), re.MULTILINE)


def compile_pins(
    uv: str, target: str, *words: str, overrides: str = "overrides.in", python: str = ".".join(map(str, WANTED))
) -> None:
    """Write one pinned file, with a line that says where it is from.

    Args:
        python: the version it is for, where that is not ours.

    Raises:
        subprocess.CalledProcessError: uv failed; it has said why.
    """
    path = REQUIREMENTS / target
    made = subprocess.run(
        [
            *(uv, "pip", "compile", f"--python-version={python}", *_OPTIONS),
            *(f"--overrides={REQUIREMENTS / overrides}", *words),
        ],
        cwd=REPOSITORY,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    path.write_text(f"# Made by `make lock` from {words[0]}; change that and run it again.\n{made.stdout}")


def main() -> int:
    uv = shutil.which("uv")
    if uv is None:
        print(
            "lock: the program uv is not on the PATH: install it (`pip install uv`) and run again.",
            file=sys.stderr,
        )
        return 1
    folder = REQUIREMENTS.relative_to(REPOSITORY)
    try:
        compile_pins(uv, "controller.txt", "pyproject.toml", "--extra=controller", "--extra=export")
        known = f"--constraint={folder / 'controller.txt'}"
        compile_pins(uv, "sources.txt", str(folder / "sources.in"), "--no-deps", known)
        compile_pins(uv, "build.txt", str(folder / "build.in"))
        compile_pins(uv, "triton.txt", "pyproject.toml", "--extra=triton", "--extra=xtts")
        compile_pins(
            uv,
            "triton-gpu.txt",
            *("pyproject.toml", "--extra=triton-gpu", "--extra=xtts", "--only-binary=:all:"),
            python=OFFICIAL,
        )
        compile_pins(uv, "export.txt", "pyproject.toml", "--extra=xtts", "--extra=xtts-export", "--only-binary=:all:")
        compile_pins(uv, "recorder.txt", "pyproject.toml", "--extra=recorder", known, "--no-emit-package=numpy")
        compile_pins(uv, "loadtest.txt", "pyproject.toml", "--extra=loadtest", "--only-binary=:all:")
        for peer in PEERS:
            compile_pins(uv, f"{peer}.txt", str(folder / f"{peer}.in"), "--only-binary=:all:")
        wheels = "--only-binary=:all:"
        coqui, torch = str(folder / "coqui-tts.in"), str(folder / "coqui-tts-cuda.in")
        compile_pins(uv, "coqui-tts.txt", coqui, wheels, overrides="coqui-tts-overrides.in")
        compile_pins(uv, "speechbrain.txt", str(folder / "speechbrain.in"), wheels, overrides="coqui-tts-overrides.in")
        compile_pins(uv, "training.txt", str(folder / "training.in"), wheels)
        besides = [f"--no-emit-package={name}" for name in names(REQUIREMENTS / "coqui-tts.txt")]
        compile_pins(uv, "coqui-tts-cuda.txt", torch, wheels, f"--constraint={folder / 'coqui-tts.txt'}", *besides)
        there = [f"--no-emit-package={name}" for name in names(REQUIREMENTS / "controller.txt")]
        compile_pins(uv, "dev.txt", "pyproject.toml", "--extra=dev", known, *there)
        dev = REQUIREMENTS / "dev.txt"
        there += [f"--no-emit-package={name}" for name in names(dev)]
        besides_dev = f"--constraint={dev.relative_to(REPOSITORY)}"
        compile_pins(uv, "images.txt", "pyproject.toml", "--extra=images", wheels, known, besides_dev, *there)
        sources = [f"--no-emit-package={name}" for name in names(REQUIREMENTS / "sources.txt")]
        compile_pins(uv, "controller.txt", "pyproject.toml", "--extra=controller", "--extra=export", known, *sources)
    except subprocess.CalledProcessError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
