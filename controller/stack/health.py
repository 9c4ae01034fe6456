"""Whether a container is well: `python -m controller.stack.health URL`, or `... --models FOLDER URL` for Triton.

Triton's own `/ready` proves nothing with explicit model control: each model that has weights answers a small request
instead. Standard library only, since it is run every few seconds.
"""

from __future__ import annotations

import argparse
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from controller.stack.triton_http import TritonHttp

PATIENCE_S: Final = 5.0


def unwell(url: str) -> str:
    """Why `url` does not answer with 200, in a few words; empty where it does."""
    # No proxy from the environment stands between a container and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=PATIENCE_S).close()
    except OSError as error:
        return f"{url}: {error}"
    return ""


def exported(repository: Path) -> list[str]:
    """The models of a repository that can be served: those with weights."""
    return sorted(found.parents[1].name for found in repository.glob("*/1/weights") if found.is_dir())


def silent(base: str, repository: Path) -> str:
    """Which models with weights do not answer; empty where all do, and there is one."""
    models = exported(repository)
    if not models:
        return f"no model in {repository} has weights: export some"
    server = TritonHttp(base)
    lost = [model for model in models if not server.answers(model, PATIENCE_S)]
    return f"no answer from {', '.join(lost)}" if lost else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where all is well; otherwise 1, and a sentence why."""
    parser = argparse.ArgumentParser(prog="python -m controller.stack.health", description=__doc__)
    parser.add_argument("url", help="what must answer with 200; with --models Triton's HTTP service")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="Triton's model repository")
    options = parser.parse_args(arguments)
    why = silent(options.url, options.models) if options.models else unwell(options.url)
    if why:
        print(why, file=sys.stderr)
    return 1 if why else 0


if __name__ == "__main__":
    sys.exit(main())
