"""`make tour`: runs the commands of the tour in a terminal of its own and records it as docs/tour.cast (asciinema v2).

Knows a pseudo-terminal and a clock; nothing in the recording is made up, and only a player shortens its pauses
(`idle_time_limit`). Source: asciinema's description of its file format, version 2.
"""

from __future__ import annotations

import codecs
import json
import os
import pty
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
CAST: Final = ROOT / "docs" / "tour.cast"

COLUMNS: Final = 110
ROWS: Final = 32
IDLE_S: Final = 2.0
"""To so much a player shortens a pause."""

COMMANDS: Final = (
    "make demo",
    "ls -sh build/demo",
    "make doctor",
    "dragoman export list",
)
"""What is run, in this order; it ends with the first that fails."""


def record(commands: tuple[str, ...], told: Callable[[float, str], None]) -> None:
    """Runs the commands one after the other.

    Args:
        commands: of a shell, in the repository's folder.
        told: called with the seconds since the beginning and what the terminal showed then.
    Raises:
        SystemExit: one of them failed; the sentence says which.
    """
    begun = time.monotonic()
    for command in commands:
        told(time.monotonic() - begun, f"\x1b[1m$ {command}\x1b[0m\r\n")
        code = _run(command, lambda text: told(time.monotonic() - begun, text))
        if code:
            raise SystemExit(f"tour: `{command}` ended with {code}; nothing was written")
        told(time.monotonic() - begun, "\r\n")


def _run(command: str, told: Callable[[str], None]) -> int:
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.environ.update(TERM="xterm-256color", COLUMNS=str(COLUMNS), LINES=str(ROWS))
        os.execvp("/bin/sh", ["sh", "-c", f"stty cols {COLUMNS} rows {ROWS}; {command}"])
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    while True:
        select.select([terminal], [], [])
        try:
            data = os.read(terminal, 4096)
        except OSError:  # Linux says so where the last one who had it open is gone
            data = b""
        if not data:
            break
        told(decode(data))
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(out: Path = CAST) -> int:
    home, cache = str(ROOT), os.environ.get("DRAGOMAN_CACHE", str(ROOT / ".cache"))
    os.environ["MAKEFLAGS"] = "--no-print-directory"
    os.environ["PATH"] = f"{cache}/env/controller/bin:{os.environ['PATH']}"
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "idle_time_limit": IDLE_S, "title": "Dragoman"}
    lines = [json.dumps(header)]

    def told(at: float, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
        shown = text.replace(cache, ".cache").replace(
            home, "~/dragoman"
        )  # where this machine keeps it is nobody's affair
        lines.append(json.dumps([round(at, 3), "o", shown], ensure_ascii=False))

    record(COMMANDS, told)
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{out.relative_to(ROOT)}: {out.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
