"""A stand-in in a process of its own, so that what it costs is not counted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from export.setup.cache import REPOSITORY


class StandInFailed(Exception):
    """It did not start; it has said why."""


@contextmanager
def standin(module: str) -> Iterator[str]:
    """Its URL, which it prints; it ends with its standard input."""
    process = subprocess.Popen(
        [sys.executable, "-m", module], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise StandInFailed(f"{module} has ended")
        yield url
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
