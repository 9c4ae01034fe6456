"""One weights folder being filled: put in place whole or not at all, and gone on with where it was interrupted.

Files are written into `weights.tmp` beside it, each with a line in `progress.json` once it is whole. Knows digests and
places; knows no model.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SCHEMA = "dragoman/export-xtts/1"
RECORD, PROGRESS = "export.json", "progress.json"


class Folder:
    """`REPOSITORY/MODEL/1/weights`."""

    def __init__(self, repository: Path, model: str, identity: dict[str, Any]) -> None:
        """`identity` says what is exported by what: the same identity, the same files."""
        self.model, self.identity = model, identity
        self.target = weights_folder(repository, model)
        self.fresh = self.target.with_name("weights.tmp")
        self._files: dict[str, Any] = {}
        self._parity: dict[str, Any] = {}

    def is_ready(self) -> bool:
        """Whether the files of this identity are in place, untouched since, by size and time of change."""
        record = read_record(self.target)
        if {key: record.get(key) for key in self.identity} != self.identity:
            return False
        return all(_is_as(self.target / name, one) for name, one in record["files"].items())

    def resume(self) -> None:
        """Make the folder that is written into, with what an interrupted export of the same left whole in it."""
        left = _read(self.fresh / PROGRESS)
        if left.get("identity") == self.identity:
            self._files = {
                name: one for name, one in left["files"].items() if _digest(self.fresh / name) == one["sha256"]
            }
            self._parity = {name: one for name, one in left["parity"].items() if name in self._files}
        else:
            shutil.rmtree(self.fresh, ignore_errors=True)
        self.fresh.mkdir(parents=True, exist_ok=True)

    def has(self, names: Sequence[str]) -> bool:
        """Whether all these files are whole already."""
        return all(name in self._files for name in names)

    def done(self, names: Sequence[str], figures: dict[str, float] | None) -> int:
        """Note that files are whole, and how far the first of them is from the checkpoint; returns their size."""
        for name in names:
            path = self.fresh / name
            status = path.stat()
            self._files[name] = {"sha256": _digest(path), "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
        if figures:
            self._parity[names[0]] = figures
        written = {"identity": self.identity, "files": self._files, "parity": self._parity}
        _write(self.fresh / PROGRESS, written)
        return sum(self._files[name]["bytes"] for name in names)

    def finish(self) -> None:
        """Put all of it in place of what was there."""
        _write(
            self.fresh / RECORD,
            {"schema": SCHEMA, "model": self.model, **self.identity, "files": self._files, "parity": self._parity},
        )
        (self.fresh / PROGRESS).unlink()
        old = self.target.with_name("weights.old")
        shutil.rmtree(old, ignore_errors=True)
        if self.target.exists():
            self.target.rename(old)
        self.fresh.rename(self.target)
        shutil.rmtree(old, ignore_errors=True)

    def abandon(self) -> None:
        """Leave nothing of what was begun, not even an empty folder."""
        shutil.rmtree(self.fresh, ignore_errors=True)
        for folder in (self.fresh.parent, self.fresh.parent.parent):
            with contextlib.suppress(OSError):  # others' things are in it
                folder.rmdir()


def weights_folder(repository: Path, model: str) -> Path:
    return repository / model / "1" / "weights"


def read_record(weights: Path) -> dict[str, Any]:
    """What `export.json` says of a weights folder; empty where it has none of ours."""
    record = _read(weights / RECORD)
    return record if record.get("schema") == SCHEMA else {}


def _is_as(path: Path, recorded: dict[str, Any]) -> bool:
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    return (status.st_size, status.st_mtime_ns) == (recorded["bytes"], recorded["mtime_ns"])


def _read(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def _write(path: Path, value: dict[str, Any]) -> None:
    fresh = path.with_name(f"{path.name}.tmp")
    fresh.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    fresh.rename(path)


def _digest(path: Path) -> str | None:
    """None where there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
