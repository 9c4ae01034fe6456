"""A run's processes: started in sessions of their own, ended by pid, and reaped even after `kill -9` of the run."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from controller.errors import StackError
from controller.stack import reaper


class Child:
    """One process that a run started."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        """What it prints, standard error included."""
        self._popen = popen

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._popen.poll()

    def log_tail(self, lines: int = 5) -> str:
        """The last lines of its log, for an error message."""
        try:
            text = self.log.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def wait(self, timeout_s: float) -> int | None:
        """Wait for its end: the exit code, or None when it still runs after `timeout_s` seconds."""
        try:
            return self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, grace_s: float = 10.0) -> int:
        """SIGTERM, then SIGKILL of its process group after `grace_s` seconds; returns the exit code.

        Without grace it is killed and nothing else: one that has been asked to end may begin to do so in order.
        """
        if grace_s > 0 and self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
        code = self.wait(grace_s)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # also children that outlived it
        return self._popen.wait() if code is None else code


class Run:
    """Everything that one run starts on this machine; leaving it ends all of it.

    Each process inherits the run's `mark` in its environment, so that none can be lost: not a model's helpers in
    sessions of their own, not one that was started a moment before the run was killed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` keeps logs and rendered configuration; without one a temporary folder is used and removed."""
        self.mark = f"dgm{secrets.token_hex(4)}"
        """Also the prefix of the run's shared memory regions."""
        # Unix sockets below it must stay under 108 bytes, so the temporary folder is short.
        self.scratch = Path(tempfile.mkdtemp(prefix=f"{self.mark}-"))
        """Removed with the run."""
        self.folder = (folder or self.scratch).resolve()  # children may run elsewhere
        self.folder.mkdir(parents=True, exist_ok=True)
        self._leftovers = [str(self.scratch), f"/dev/shm/{self.mark}*"]
        self._children: list[Child] = []
        self._reaper = subprocess.Popen(
            [sys.executable, "-S", "-E", reaper.__file__, self.mark, *self._leftovers],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def spawn(
        self, name: str, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Child:
        """Start a process in a session of its own; its output goes to `folder`/`name`.log.

        Args:
            env: variables on top of this process's own.
        Raises:
            StackError: the program cannot be started.
        """
        log = self.folder / f"{name}.log"
        environment = {
            **os.environ,
            "TMPDIR": str(self.scratch),
            **(env or {}),
            reaper.MARK_VARIABLE: self.mark,
        }
        with log.open("wb") as output:
            try:
                popen = subprocess.Popen(
                    [str(part) for part in argv],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    env=environment,
                    cwd=cwd,
                )
            except OSError as error:
                raise StackError(f"{name} cannot be started: {error}. Run `make setup` to get it again.") from error
        child = Child(name, popen, log)
        self._children.append(child)
        return child

    def close(self) -> None:
        """End what still runs, newest first, then anything that carries the mark; remove the scratch folder."""
        for child in reversed(self._children):
            if child.exit_code is None:
                child.stop()
        self._children.clear()
        reaper.end(self.mark)
        reaper.remove(self._leftovers)
        if self._reaper.stdin is not None and not self._reaper.stdin.closed:
            self._reaper.stdin.close()
        self._reaper.wait()
