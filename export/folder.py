"""One weights folder being filled: put in place whole or not at all, and gone on with where it was interrupted.

Files are written into `weights.tmp` beside it, each with a line in `progress.json` once it is whole; what they replace
is `weights.old` until they are in place. Killed at any moment, the next export goes on from there. Knows digests and
places; knows no model.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from controller.errors import UsageError

SCHEMA = "dragoman/export-model/1"
RECORD, PROGRESS = "export.json", "progress.json"


class Folder:
    """`REPOSITORY/MODEL/1/weights`."""

    def __init__(self, repository: Path, model: str, identity: dict[str, Any]) -> None:
        """`identity` says what is exported by what: the same identity, the same files."""
        self.model, self.identity = model, identity
        self.target = weights_folder(repository, model)
        self.fresh = self.target.with_name("weights.tmp")
        self._old = self.target.with_name("weights.old")
        self._files: dict[str, Any] = {}
        self._parity: dict[str, Any] = {}
        self._left_out: dict[str, str] = {}

    def recover(self) -> None:
        """Make good what was killed between taking the old files out and having the new ones in."""
        if self._old.exists() and not self.target.exists():
            self._old.rename(self.target)
        shutil.rmtree(self._old, ignore_errors=True)
        (self.target / PROGRESS).unlink(missing_ok=True)

    def is_ready(self) -> bool:
        """Whether the files of this identity are in place, untouched since, by size and time of change."""
        record = read_record(self.target)
        if {key: record.get(key) for key in self.identity} != self.identity:
            return False
        return all(_is_as(self.target / name, one) for name, one in record["files"].items())

    def lying(self) -> int:
        """Bytes that lie in the folder which is written into: they are gone on with, or go."""
        return sum(path.stat().st_size for path in self.fresh.glob("*"))

    def left_out(self) -> Sequence[str]:
        """What is told of each file that is not in place because it could not be had."""
        return list(read_record(self.target)["left_out"].values())

    def resume(self) -> None:
        """Make the folder that is written into, with what an interrupted export of the same left whole in it."""
        left = _read(self.fresh / PROGRESS)
        if left.get("identity") == self.identity:
            self._files = {
                name: one for name, one in left["files"].items() if _digest(self.fresh / name) == one["sha256"]
            }
            self._parity = {name: one for name, one in left["parity"].items() if name in self._files}
            self._left_out = left["left_out"]
        else:
            shutil.rmtree(self.fresh, ignore_errors=True)
        self.fresh.mkdir(parents=True, exist_ok=True)

    def has(self, names: Sequence[str]) -> bool:
        """Whether all these files are whole already, or left out."""
        return names[0] in self._left_out or all(name in self._files for name in names)

    def done(self, names: Sequence[str], figures: dict[str, float] | None) -> int:
        """Note that files are whole, and how far the first of them is from the checkpoint; returns their size."""
        for name in names:
            path = self.fresh / name
            status = path.stat()
            self._files[name] = {"sha256": _digest(path), "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
        if figures:
            self._parity[names[0]] = figures
        _write(self.fresh / PROGRESS, {"identity": self.identity, **self._written()})
        return sum(self._files[name]["bytes"] for name in names)

    def leave_out(self, names: Sequence[str], why: str) -> None:
        """Do without these files; `why` is one sentence, for the record."""
        for name in names:
            (self.fresh / name).unlink()
        self._left_out[names[0]] = why
        _write(self.fresh / PROGRESS, {"identity": self.identity, **self._written()})

    def seal(self) -> None:
        """Add the record, with which all of it is ready to be put in place."""
        _write(self.fresh / RECORD, {"schema": SCHEMA, "model": self.model, **self.identity, **self._written()})

    def put_in_place(self) -> None:
        """Put all of it in place of what was there; `progress.json` goes last, since `recover` and `resume` need it."""
        if self.target.exists():
            self.target.rename(self._old)
        self.fresh.rename(self.target)
        self.recover()

    def abandon(self) -> None:
        """Leave nothing of what was begun, not even an empty folder."""
        shutil.rmtree(self.fresh, ignore_errors=True)
        for folder in (self.fresh.parent, self.fresh.parent.parent):
            _remove_empty(folder)

    def _written(self) -> dict[str, Any]:
        return {"files": self._files, "parity": self._parity, "left_out": self._left_out}


@contextlib.contextmanager
def alone(repository: Path) -> Iterator[None]:
    """Keep other exports out of the repository, and leave none behind that is empty.

    Raises:
        UsageError: one is under way.
    """
    is_new = not repository.exists()
    repository.mkdir(parents=True, exist_ok=True)
    handle = os.open(repository, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"a model is being exported into {repository} by another process: wait for it") from error
        except OSError:
            pass  # a file system that knows no such locks
        yield
    finally:
        os.close(handle)
        if is_new:
            _remove_empty(repository)


def weights_folder(repository: Path, model: str) -> Path:
    return repository / model / "1" / "weights"


def read_record(weights: Path) -> dict[str, Any]:
    """What `export.json` says of a weights folder; empty where it has none of ours."""
    record = _read(weights / RECORD)
    return record if record.get("schema") == SCHEMA else {}


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # others' things are in it
        folder.rmdir()


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
    fresh.write_text(json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
    fresh.rename(path)


def _digest(path: Path) -> str | None:
    """None where there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
