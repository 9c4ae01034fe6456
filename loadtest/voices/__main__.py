"""`python -m loadtest.voices`: trains what is missing, then the figures of voices on packaged recordings of people.

Writes voices.json, prints what must hold; exits 1 where it does not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from controller.errors import DragomanError
from export.gst.kept import kept
from export.setup.cache import Cache
from export.setup.environment import REQUIREMENTS
from loadtest.frames.report import Bound
from loadtest.voices import identity, store, style

PARTS: Final = {
    "store": lambda trainings, work: store.measure(),
    "style": style.measure,
    "identity": identity.measure,
}


def main() -> int:
    options = _parser().parse_args()
    engines = versions()
    found: dict[str, Any] = {}
    bounds: list[Bound] = []
    options.work.mkdir(parents=True, exist_ok=True)
    try:
        trainings = kept(Cache.default())
        for part in options.parts.split(","):
            fields, must_hold = PARTS[part](trainings, options.work.absolute())
            found |= fields
            bounds += must_hold
    except (DragomanError, subprocess.CalledProcessError) as error:
        print(f"bench-voices: {error}", file=sys.stderr)
        return 2
    result = {
        "schema": "dragoman/voices/1",
        "engines": engines,
        "cores": os.cpu_count(),
        **found,
        "bounds": [vars(one) for one in bounds],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    for one in bounds:
        print(f"{'ok  ' if one.holds else 'MISS'} {one.what}: {one.measured} ({one.bound})")
    return 0 if all(one.holds for one in bounds) else 1


def versions() -> dict[str, str]:
    """What it is measured with, as it is pinned."""
    pins = "".join((REQUIREMENTS / f"{name}.txt").read_text() for name in ("export", "training", "coqui-tts-cpu"))
    wanted = ("onnxruntime", "torch", "pyworld-prebuilt", "av")
    found = {name: re.findall(rf"^{name}==(\S+)", pins, re.MULTILINE)[0] for name in wanted}
    return {"python": platform.python_version(), **found}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest.voices", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/bench/voices.json"))
    parser.add_argument("--work", type=Path, default=Path("build/bench/voices"), help="folder for what comes between")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
