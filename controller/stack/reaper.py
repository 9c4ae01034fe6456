"""Ends what a run started when the run itself can no longer do it (it was killed with SIGKILL, say).

Started by `stack.process.Run` as `python reaper.py MARK PATH...` in a session of its own, with the run's end of a
pipe as standard input. End of file there means that the run is gone: every process whose environment carries the
mark is ended, then the paths (globs allowed) are removed. Standard library only, so that it starts in 30 ms.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

MARK_VARIABLE = "DRAGOMAN_RUN"
"""Every process of a run inherits this variable; its value is the run's mark."""

GRACE_S = 3.0
"""Seconds between SIGTERM and SIGKILL."""


def marked(mark: str) -> list[int]:
    """Process ids, zombies left out, whose environment carries `mark`; this process is never among them."""
    needle = f"{MARK_VARIABLE}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
            state = (entry / "stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:  # gone meanwhile, or another user's
            continue
        if state != b"Z" and needle in environment.split(b"\0"):
            found.append(int(entry.name))
    return found


def end(mark: str, grace_s: float = GRACE_S) -> None:
    """End every process that carries `mark`: SIGTERM, then SIGKILL after `grace_s` seconds."""
    deadline = time.monotonic() + grace_s
    signalled: set[int] = set()
    while pids := marked(mark):
        late = time.monotonic() > deadline
        for pid in pids:
            if late or pid not in signalled:
                signalled.add(pid)
                try:
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
                except ProcessLookupError:
                    continue
        time.sleep(0.05)


def remove(patterns: list[str]) -> None:
    """Remove files and folders named by glob patterns; what is gone already is no error."""
    for pattern in patterns:
        for path in Path("/").glob(pattern.lstrip("/")):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def main() -> None:
    """Wait for the run's end, then clean up after it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    mark, *patterns = sys.argv[1:]
    while os.read(0, 4096):
        pass
    end(mark)
    remove(patterns)


if __name__ == "__main__":
    main()
