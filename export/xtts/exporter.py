"""Exports XTTS v2 into a model repository: part by part, each checked, in place only when all of it is.

Runs where onnx and onnxruntime are; knows no command line.
"""

from __future__ import annotations

import hashlib
import resource
import shutil
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from controller.errors import DragomanError, UsageError
from export.xtts import manifest
from export.xtts.check import Figures, verdict
from export.xtts.folder import Folder
from export.xtts.parts import Part, plan
from export.xtts.source import Source

Say = Callable[[str], None]

BYTES_PER_WEIGHT = 9
"""All files together: 4 in float32, 2 in float16, and a little over 1 for each of the two in 8 bits."""


def export(source: Source, repository: Path, say: Say, licence: str | None) -> None:
    """Fill both models of the repository.

    Args:
        say: is told every line of progress.
        licence: the one that was accepted, for the record.
    Raises:
        DragomanError: the checkpoint is damaged, a graph is wrong or the disk too small; nothing is left of it then.
        OSError: a file cannot be written; what is whole stays, to go on with.
    """
    began = time.monotonic()
    identity = {"source": source.describe(), "exporter": _exporter(), "licence": licence}
    parts = plan(source)
    all_folders = [Folder(repository, model, identity) for model in parts]
    folders = [folder for folder in all_folders if not folder.is_ready()]
    if not folders:
        say(f"{source.name} was ready already")
        return
    _ensure_room(source, repository)
    try:
        for folder in folders:
            folder.resume()
            _write(folder, parts[folder.model], say)
    except DragomanError:
        for folder in folders:
            folder.abandon()
        raise
    for folder in folders:
        folder.finish()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    say(f"{source.name} is ready ({time.monotonic() - began:.0f} s, {peak:.1f} GB of memory at most)")


def _write(folder: Folder, parts: Sequence[Part], say: Say) -> None:
    for number, part in enumerate(parts, 1):
        head = f"{folder.model} [{number}/{len(parts)}] {part.files[0]}"
        if folder.has(part.files):
            say(f"{head}: was written before")
            continue
        if part.check:
            say(f"{head} ...")
        began = time.monotonic()
        path = folder.fresh / part.files[0]
        part.write(path)
        figures = dict(part.check(path)) if part.check else None
        warning = verdict(part.files[0], figures, exact=part.exact) if figures else ""
        size = folder.done(part.files, figures)
        say(f"{head}: {size / 1e6:.1f} MB after {time.monotonic() - began:.1f} s{_told(figures)}")
        if warning:
            say(warning)


def _told(figures: Figures | None) -> str:
    return f", relative error {figures['relative_rms']:.1g}" if figures else ""


def _ensure_room(source: Source, repository: Path) -> None:
    weights = sum(int(np.prod(shape)) for shape in manifest.folded(source.config).values())
    needed = weights * BYTES_PER_WEIGHT
    there = next(folder for folder in (repository, *repository.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise UsageError(f"{there} has {free / 1e9:.1f} GB free, the export takes {needed / 1e9:.1f}: make room first")


def _exporter() -> dict[str, Any]:
    """What the files depend on besides the weights: this package's own source, and what runs the checks."""
    code = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        code.update(path.read_bytes())
    return {"code": code.hexdigest(), **{name: version(name) for name in ("numpy", "onnx", "onnxruntime")}}
