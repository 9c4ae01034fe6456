"""Runs the programs that set-up needs (apt-get, dpkg-deb, pip): quiet, never left behind, stopped together.

Knows nothing of what they do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.setup.errors import SetupError

_GRACE_S = 3.0


@dataclass(frozen=True)
class Result:
    """What a program said."""

    code: int
    output: str
    errors: str

    def last_error(self) -> str:
        """The first line that says what failed, without its mark; never empty."""
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        marked = [line for line in lines if line.startswith(("E: ", "ERROR: ", "error: ", "Err:", "tar: "))]
        line = (marked or lines[-1:] or [f"exit code {self.code}"])[0]
        for mark in ("E: ", "ERROR: ", "error: "):
            line = line.removeprefix(mark)
        return line.rstrip(".")


class Programs:
    """Starts programs on behalf of one set-up."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._guard = threading.Lock()
        self._stopped = False
        # A set-up that is killed with SIGKILL takes what it started with it.
        setpriv = shutil.which("setpriv")
        self._tether = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        locale: str = "C.UTF-8",
    ) -> Result:
        """Run a program to its end.

        Args:
            env: variables on top of this process's own.
        Raises:
            SetupError: the program is not on this machine, or set-up is being stopped.
        """
        words = [str(part) for part in argv]
        if shutil.which(words[0]) is None:
            raise SetupError(
                f"the program {words[0]} is not on this machine: set-up needs Debian's package tools "
                "(apt-get, dpkg-deb, tar), as every Debian or Ubuntu has them."
            )
        with self._guard:
            if self._stopped:
                raise SetupError("set-up was stopped.")
            process = subprocess.Popen(
                [*self._tether, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                cwd=cwd,
                env={**os.environ, "LC_ALL": locale, **(env or {})},
            )
            self._running.add(process)
        try:
            output, errors = process.communicate()
        finally:
            with self._guard:
                self._running.discard(process)
        if self._stopped:
            raise SetupError("set-up was stopped.")
        return Result(process.returncode, output, errors)

    def stop(self) -> None:
        """End everything that still runs; nothing can be started afterwards."""
        with self._guard:
            self._stopped = True
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
