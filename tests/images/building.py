"""Does what a builder of images does with a Dockerfile, as far as ours ask for it, in bare roots.

Knows ENV, WORKDIR, COPY, RUN and stages; everything else says how an image is started, not what is in it.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from tests.images.bare import Root
from tests.images.dockerfile import ROOT, Ignore, Instruction, environment, ignore, stages, whole


def build(file: Path, bare: Root, folder: Path) -> dict[str, Root]:
    """Build every stage of a Dockerfile; returns the root of each, by its name.

    Raises:
        Failed: a RUN step does.
    """
    context = _context(folder / "context")
    made: dict[str, Root] = {}
    for stage in stages(file):
        root = made.get(stage.base, bare).copied(folder / f"stage-{stage.name}")
        above = whole(file, stage.base) if stage.base in made else []
        done: list[Instruction] = list(above)
        for one in stage.instructions:
            done.append(one)
            cwd = _cwd(done)
            if one.name == "WORKDIR":
                root.inside(cwd).mkdir(parents=True, exist_ok=True)
            elif one.name == "COPY":
                _copy(one, context, made, root, cwd)
            elif one.name == "RUN":
                began = time.monotonic()
                root.run(["/bin/sh", "-c", one.text], environment(done), cwd=cwd)
                print(f"{file.stem} {stage.name}: {time.monotonic() - began:6.1f} s  RUN {one.text[:90]}", flush=True)
        made[stage.name] = root
    return made


def size_mb(root: Root) -> float:
    """What lies in it, in megabytes."""
    listed = subprocess.run(["du", "-s", "-B", "1", root.folder], capture_output=True, text=True, check=True)
    return int(listed.stdout.split()[0]) / 1e6


def _cwd(done: list[Instruction]) -> str:
    return next((one.text for one in reversed(done) if one.name == "WORKDIR"), "/")


def _copy(one: Instruction, context: Path, made: dict[str, Root], root: Root, cwd: str) -> None:
    """A folder's content goes into a folder, a file into a folder where the name ends in a slash: as COPY has it."""
    *sources, target = one.words
    origin = context
    if sources[0].startswith("--from="):
        origin = made[sources.pop(0).removeprefix("--from=")].folder
    into = root.inside(target if target.startswith("/") else f"{cwd}/{target}")
    for name in sources:
        source = origin / name.lstrip("/")
        if source.is_dir():
            into.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", "--reflink=auto", f"{source}/.", into], check=True)
        else:
            place = into / source.name if target.endswith("/") else into
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place)


def _context(folder: Path) -> Path:
    """What a build may see of the checkout, as it lies there now."""
    seen: Ignore = ignore()
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file() and not seen.ignores(name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder
