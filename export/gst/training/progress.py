"""How far a training is: a live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_BAR = 24
_LIVE_S, _PLAIN_S = 0.25, 15.0


class Progress:
    """Progress of one piece of work after another."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._live = self._out.isatty()
        self._began = time.monotonic()
        self._told = 0.0

    def at(self, done: int, of: int, what: str) -> None:
        """So many of so many are done; told when it is time to, and at the end."""
        now = time.monotonic()
        if now - self._told < (_LIVE_S if self._live else _PLAIN_S) and done < of:
            return
        self._told = now
        filled = _BAR * done // of
        line = f"[{'#' * filled}{'.' * (_BAR - filled)}] {done}/{of} {what}  {now - self._began:.0f} s"
        end = "\n" if done == of or not self._live else ""
        print(f"\r\x1b[K{line}" if self._live else line, end=end, file=self._out, flush=True)
