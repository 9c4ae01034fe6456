"""Finds what a command of ours leaves behind: processes, ports, shared memory, temporary files."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller.stack.reaper import MARK_VARIABLE

TOKEN_VARIABLE = "DRAGOMAN_TEST_TOKEN"


class Traces:
    """What carries one token: give `env` to a command, and ask."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._token = f"{TOKEN_VARIABLE}={secrets.token_hex(8)}".encode()

    @property
    def env(self) -> dict[str, str]:
        name, _, value = self._token.decode().partition("=")
        return {**os.environ, name: value, "TMPDIR": str(self.scratch)}

    def processes(self) -> list[int]:
        """Those that inherited the token, zombies left out."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                state = (entry / "stat").read_bytes().rpartition(b")")[2].split()[0]
                if state != b"Z" and self._token in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def marks(self) -> set[str]:
        """The marks of the runs that those processes belong to."""
        found: set[str] = set()
        for pid in self.processes():
            try:
                environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            found.update(
                one.decode().partition("=")[2] for one in environment if one.startswith(f"{MARK_VARIABLE}=".encode())
            )
        return found

    def ports(self) -> set[int]:
        """TCP ports on which one of those processes listens."""
        inodes: set[str] = set()
        for pid in self.processes():
            try:
                handles = [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()]
            except OSError:
                continue
            inodes.update(one[8:-1] for one in handles if one.startswith("socket:["))
        found = set()
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(int(fields[1].split(":")[1], 16))
        return found

    def files(self) -> list[Path]:
        """Temporary files and folders that are still there."""
        return list(self.scratch.iterdir())


def shared_memory(marks: set[str]) -> list[Path]:
    """The shared memory regions of runs by their marks."""
    return [one for mark in marks for one in Path("/dev/shm").glob(f"{mark}*")]


@contextmanager
def traces() -> Iterator[Traces]:
    """A token and a scratch folder; its path is short, for the sake of Unix sockets below it."""
    scratch = Path(tempfile.mkdtemp(prefix="t"))
    try:
        yield Traces(scratch)
    finally:
        shutil.rmtree(scratch)
