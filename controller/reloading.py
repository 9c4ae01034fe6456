"""`dragoman serve --reload`, for developers: the service as a child, which is started anew whenever its code changes.

Knows files and a child process; knows nothing of calls. Those that are up end with the old code.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

LOOK_S: Final = 0.3
"""How often the files are looked at: 150 of them cost a millisecond."""

END_S: Final = 15.0
"""So long the old one may take to end its calls."""


class Reloading:
    """`run` returns when it is told to end, by SIGINT or SIGTERM, and the child has ended."""

    def __init__(self, command: Sequence[str], watched: Sequence[Path]) -> None:
        """
        Args:
            command: the child's.
            watched: files, and folders whose Python files count.
        """
        self._command = list(command)
        self._watched = list(watched)
        self._child: subprocess.Popen[bytes] | None = None
        self._told: int | None = None

    def run(self) -> int:
        """Start it again and again; the exit code of the last one."""
        with self._signals():
            code = 0
            while self._told is None:
                seen = self._stamps()
                self._child = subprocess.Popen(self._command)
                if self._told is not None:  # between the two lines
                    self._child.send_signal(self._told)
                code = self._until_ended_or_changed(self._child, seen)
            return code

    def _until_ended_or_changed(self, child: subprocess.Popen[bytes], seen: dict[Path, int]) -> int:
        while True:
            try:
                code = child.wait(LOOK_S)
            except subprocess.TimeoutExpired:
                if self._told is None and (changed := self._changed(seen)):
                    _say(f"{changed} has changed: calls are ended, and it starts anew")
                    return _end(child)
                continue
            if self._told is None:
                _say(f"it has ended (exit code {code}), and starts anew once a file changes")
                while self._told is None and not self._changed(seen):
                    time.sleep(LOOK_S)
            return code

    def _stamps(self) -> dict[Path, int]:
        """When each file was changed, in ns."""
        stamps = {}
        for root in self._watched:
            for path in root.rglob("*.py") if root.is_dir() else [root]:
                try:
                    stamps[path] = path.stat().st_mtime_ns
                except OSError:  # an editor replaces it at this moment
                    continue
        return stamps

    def _changed(self, seen: dict[Path, int]) -> Path | None:
        now = self._stamps()
        return next((path for path in {**seen, **now} if seen.get(path) != now.get(path)), None)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """What this process is told, the child is told."""

        def told(number: int, frame: FrameType | None) -> None:
            self._told = number
            if self._child is not None:
                self._child.send_signal(number)

        before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _end(child: subprocess.Popen[bytes]) -> int:
    child.send_signal(signal.SIGINT)
    try:
        return child.wait(END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _say(what: str) -> None:
    print(f"dragoman: {what}", file=sys.stderr, flush=True)
