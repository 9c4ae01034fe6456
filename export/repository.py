"""A model repository being filled: weights put in place whole or not at all, and the record of what they are.

Knows files and digests; knows no model.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from controller.errors import UsageError
from export.setup.cache import REPOSITORY, Cache

SCHEMA = "dragoman/export/1"
ENGINES = ("ctranslate2", "tokenizers", "onnxruntime", "py_nanotts", "numpy")


@dataclass(frozen=True, slots=True)
class Source:
    """Where weights come from."""

    name: str
    """A package, or the folder a user gave."""
    version: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How one model's weights folder is put together."""

    model: str
    source: Source
    parts: Mapping[str, Path]
    """Names in the weights folder, and the file or folder that goes there."""
    known: Mapping[str, Mapping[str, Source]] = field(default_factory=dict)
    """For a file of the weights folder: sources by SHA-256, which then say better than `source` what it is."""


class Repository:
    """The folder that Triton is pointed at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._record = self.folder / "export.json"

    def exported(self) -> dict[str, Any]:
        """The record of each model; empty where there is none."""
        try:
            record = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return {}
        models = record.get("models", {}) if record.get("schema") == SCHEMA else {}
        return models if isinstance(models, dict) else {}

    def fill(self, plan: Plan, cache: Cache) -> bool:
        """Put the weights of `plan` in place; False where they are there already, untouched since.

        Raises:
            UsageError: the repository has no such model, or a part is missing.
        """
        ensure_glue(self.folder, plan.model)
        files = dict(_walk(plan))
        record = self.exported()
        target = self.folder / plan.model / "1" / "weights"
        if _untouched(record.get(plan.model), files, target):
            return False
        fresh = target.with_name("weights.tmp")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for name, path in files.items():
            _place(path, fresh / name)
        described = {name: _describe(fresh / name) for name in files}
        source = plan.source
        for name, by_digest in plan.known.items():
            source = by_digest.get(described[name]["sha256"], source)
        old = target.with_name("weights.old")
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
        shutil.rmtree(old, ignore_errors=True)
        self._write({**record, plan.model: {"source": asdict(source), "files": described}}, cache)
        return True

    def _write(self, models: dict[str, Any], cache: Cache) -> None:
        record = {
            "schema": SCHEMA,
            "engines": {name: installed(cache, name) for name in ENGINES},
            "cores": os.cpu_count(),
            "models": models,
        }
        fresh = self._record.with_suffix(".json.tmp")
        fresh.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
        fresh.rename(self._record)


def ensure_glue(repository: Path, model: str) -> None:
    """A repository elsewhere gets the model's configuration and glue from the checkout.

    Raises:
        UsageError: neither has them.
    """
    here, ours = repository.absolute() / model, REPOSITORY / "model_repository" / model
    if here == ours or (here / "config.pbtxt").is_file():
        return
    if not (ours / "config.pbtxt").is_file():
        raise UsageError(f"{repository} has no {model}/config.pbtxt: give the model_repository of a checkout")
    shutil.copytree(ours, here, ignore=shutil.ignore_patterns("weights*", "__pycache__"), dirs_exist_ok=True)


def _walk(plan: Plan) -> Iterator[tuple[str, Path]]:
    """Every file of the weights folder by its name there; symbolic links inside a part stay links."""
    for name, part in plan.parts.items():
        if part.is_file():
            yield name, part.resolve()
        elif part.is_dir():
            root = part.resolve()
            for path in sorted(root.rglob("*")):
                if path.is_symlink() or path.is_file():
                    yield f"{name}/{path.relative_to(root)}", path
        else:
            raise UsageError(f"{part} is missing, so that {plan.model} cannot be exported: run `make setup`")


def _untouched(recorded: dict[str, Any] | None, files: Mapping[str, Path], target: Path) -> bool:
    """Whether the folder holds what was recorded and what would be put there now, by size and time of change."""
    if recorded is None or recorded["files"].keys() != files.keys() or not target.is_dir():
        return False
    for name, path in files.items():
        stamp = (recorded["files"][name]["bytes"], recorded["files"][name]["mtime_ns"])
        try:
            if _stamp(_origin(path)) != stamp or _stamp(target / name) != stamp:
                return False
        except FileNotFoundError:
            return False
    return True


def _origin(source: Path) -> Path:
    """What is put in place for `source`: a link stays one, unless it leads to an absolute path."""
    return source.resolve() if source.is_symlink() and source.readlink().is_absolute() else source


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source = _origin(source)
    if source.is_symlink():
        target.symlink_to(source.readlink())
        shutil.copystat(source, target, follow_symlinks=False)
        return
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, target)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_size, status.st_mtime_ns


def _describe(path: Path) -> dict[str, Any]:
    size, changed = _stamp(path)
    return {"sha256": _digest(path), "bytes": size, "mtime_ns": changed}


def _digest(path: Path) -> str:
    """Of the content; of its target's name for a link, which may point to what is not there."""
    if path.is_symlink():
        return hashlib.sha256(str(path.readlink()).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def installed(cache: Cache, package: str) -> str | None:
    """The version of a package in Triton's environment; None where it is not there."""
    found = sorted(cache.env("triton").glob(f"lib/python3*/site-packages/{package}-*.dist-info"))
    return found[0].name.removesuffix(".dist-info").rpartition("-")[2] if found else None
