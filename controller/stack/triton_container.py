"""Becomes Triton in a container: `python -m controller.stack.triton_container HOME REPOSITORY [FLAG ...]`.

The server's flags are those of every other run of ours; what differs is who can reach it. Standard library only: the
server's Python environment does not hold the controller's packages.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from controller.stack.triton import FLAGS

PORTS: Final = {"grpc": 8001, "http": 8000, "metrics": 8002}
"""Triton's own defaults; `triton.grpc` in the settings names the first."""

NO_GPU: Final = "--allow-gpu-metrics=false"


def command(home: Path, repository: Path, more: Sequence[str] = (), *, gpu: bool = False) -> list[str]:
    """The server's command line: on every address of the container, whose network nobody else is in.

    Args:
        home: the server's own tree, with bin/, backends/ and caches/.
        more: flags that come last, and so win.
    """
    return [
        str(home / "bin" / "tritonserver"),
        f"--model-repository={repository}",
        f"--backend-directory={home / 'backends'}",
        f"--cache-directory={home / 'caches'}",
        *(f"--{service}-port={port}" for service, port in PORTS.items()),
        *(flag for flag in FLAGS if not (gpu and flag == NO_GPU)),
        "--load-model=*",
        *more,
    ]


def main(arguments: Sequence[str]) -> None:
    """Replace this process by the server, so that a container's signals reach it."""
    home, repository, *more = arguments
    # The base image says so; without a GPU in reach the server says that there are no figures of one.
    gpu = bool(os.environ.get("NVIDIA_VISIBLE_DEVICES"))
    argv = command(Path(home), Path(repository), more, gpu=gpu)
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1:])
