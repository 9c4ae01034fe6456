"""Exports models into a repository: part by part, each checked, in place only when all of it is.

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

from controller.errors import UsageError
from export.checking import Figures, is_finite, verdict
from export.folder import Folder, alone
from export.parts import Part, Plan

Say = Callable[[str], None]

SHARED = (
    *("checking", "checkpoint", "exporter", "folder", "graph"),
    *("linear", "parts", "quantise", "structural", "weights"),
)
"""Modules beside this one that decide what is written."""


def export(plan: Plan, repository: Path, say: Say) -> None:
    """Fill the models of the plan.

    Args:
        say: is told every line of progress.
    Raises:
        UsageError: the disk is too small, or another export is under way; nothing was touched.
        DragomanError: the checkpoint is damaged or a graph is wrong; nothing is left of it then.
        OSError: a file cannot be written; what is whole stays, to go on with.
    """
    began = time.monotonic()
    with alone(repository):
        folders = [Folder(repository, model, dict(plan.identity)) for model in plan.room]
        for folder in folders:
            folder.recover()
        begun = [folder for folder in folders if not folder.is_ready()]
        if begun:
            _ensure_room(plan, repository, begun)
            _fill(plan, begun, say)
        for sentence in (sentence for folder in folders for sentence in folder.left_out()):
            say(sentence)
    if not begun:
        say(f"{plan.name} was ready already")
        return
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    say(f"{plan.name} is ready ({time.monotonic() - began:.0f} s, {peak:.1f} GB of memory at most)")


def _fill(plan: Plan, folders: Sequence[Folder], say: Say) -> None:
    parts = plan.parts()
    try:
        for folder in folders:
            folder.resume()
            _write(folder, parts[folder.model], say)
            folder.seal()
    except OSError:
        raise
    except Exception:  # whatever it is, going on from there would meet it again
        for folder in folders:
            folder.abandon()
        raise
    for folder in folders:  # one straight after the other, since they belong together
        folder.put_in_place()


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
        if figures and part.instead and not is_finite(figures):
            why = f"{part.files[0]} is left out, since these weights are too large for its numbers: {part.instead}"
            folder.leave_out(part.files, why)
            say(f"{head}: left out")
            continue
        warning = verdict(part.files[0], figures, exact=part.exact) if figures else ""
        size = folder.done(part.files, figures)
        say(f"{head}: {size / 1e6:.1f} MB after {time.monotonic() - began:.1f} s{_told(figures)}")
        if warning:
            say(warning)


def _told(figures: Figures | None) -> str:
    return f", relative error {figures['relative_rms']:.1g}" if figures else ""


def _ensure_room(plan: Plan, repository: Path, begun: Sequence[Folder]) -> None:
    needed = sum(plan.room[folder.model] - folder.lying() for folder in begun)
    free = shutil.disk_usage(repository).free
    if free < needed:
        raise UsageError(
            f"{repository} has {free / 1e9:.1f} GB free, the export takes {needed / 1e9:.1f}: make room first"
        )


def written_by(*files: Path) -> dict[str, Any]:
    """For a plan's identity: what the files depend on besides the weights, which is the source that writes and reads
    them (`files`, and what all exports share), and what runs the checks."""
    code = hashlib.sha256()
    here = Path(__file__).parent
    for path in [*(here / f"{name}.py" for name in SHARED), *files]:
        code.update(path.read_bytes())
    return {"code": code.hexdigest(), **{name: version(name) for name in ("numpy", "onnx", "onnxruntime")}}
