"""One translation direction as a running pipeline of Apertium's programs.

Text goes in with a NUL behind it and comes out with a NUL behind it; the programs stay. Not for two threads at once.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from pathlib import Path

from export.runtime.apertium import text as fit


class PipelineDied(Exception):
    """A program of it has ended."""


class PipelineStuck(Exception):
    """It gave no answer in time."""


class Pipeline:
    """The programs of one direction."""

    def __init__(self, command: str, programs: Path) -> None:
        """Start `command` (see `modes.command`) with the folder `programs` first on its PATH.

        The programs hold no pipe but their own, so that they end by themselves when this process does: the first reads
        end of file, ends, and so on down the line.
        """
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
            env={**_inherited(), "PATH": f"{programs}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._stdin, False)
        os.set_blocking(self._stdout, False)

    @property
    def pid(self) -> int:
        """Of the shell; the programs are its children, in a process group of this number."""
        return self._process.pid

    def translate(self, text: str, deadline_s: float) -> str:
        """The translation of one line of text.

        Raises:
            PipelineDied: a program has ended; start another pipeline and try again.
            PipelineStuck: no answer after `deadline_s` seconds; this pipeline cannot be used again.
        """
        due = time.monotonic() + deadline_s
        pending = memoryview((fit.escape(text) + fit.END).encode() + b"\0")
        answer = b""
        with selectors.DefaultSelector() as ready:
            ready.register(self._stdout, selectors.EVENT_READ)
            ready.register(self._stdin, selectors.EVENT_WRITE)
            while not answer.endswith(b"\0"):
                events = ready.select(due - time.monotonic())
                if not events and time.monotonic() >= due:
                    raise PipelineStuck(f"no answer within {deadline_s:g} s")
                for key, _ in events:
                    if key.fd == self._stdin:
                        pending = pending[self._write(pending) :]
                        if not pending:
                            ready.unregister(self._stdin)
                    else:
                        answer += self._read()
        return fit.unescape(answer[:-1].decode(errors="replace"))

    def close(self) -> None:
        """End all its programs."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _write(self, data: memoryview) -> int:
        try:
            return os.write(self._stdin, data)
        except BrokenPipeError as error:
            raise PipelineDied("its first program has ended") from error

    def _read(self) -> bytes:
        data = os.read(self._stdout, 65536)
        if not data:
            raise PipelineDied("its last program has ended")
        return data


def _inherited() -> dict[str, str]:
    """The environment without what Triton needs for itself: its libpython is not for these programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("LD_", "PYTHON"))}
