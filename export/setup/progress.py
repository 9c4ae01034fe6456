"""Says how far set-up is: a live line on a terminal, plain lines elsewhere. Knows no component."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

_BAR = 24
_PERIOD_S = 0.25


def bar(*, done: int, steps: int, got_mb: float, total_mb: float, elapsed_s: float, now: list[str], width: int) -> str:
    """One line: bar, steps, megabytes fetched of those expected, seconds, and what is being worked on."""
    share = 1.0 if done == steps else min(0.99, got_mb / total_mb) if total_mb else done / steps
    filled = int(share * _BAR)
    line = (
        f"[{'#' * filled}{'.' * (_BAR - filled)}] {done}/{steps}  {got_mb:.0f}/{total_mb:.0f} MB  "
        f"{elapsed_s:.0f} s  {', '.join(now)}"
    )
    return line[: max(10, width - 1)]


def size_of(folder: Path) -> int:
    """Bytes below `folder`; what vanishes meanwhile counts as nothing."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - a hot loop
            except FileNotFoundError:
                continue
    return total


class Progress:
    """Progress of one set-up over its components."""

    def __init__(
        self,
        steps: int,
        total_mb: float,
        *,
        out: TextIO | None = None,
        live: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`live` forces the live line on or off; without it a terminal decides."""
        self.out = out or sys.stderr
        self.live = self.out.isatty() if live is None else live
        self._steps, self._total_mb, self._clock = steps, total_mb, clock
        self._began = clock()
        self._guard = threading.RLock()
        self._started: dict[str, tuple[float, list[Path]]] = {}
        self._done = 0
        self._got_mb = 0.0
        self._ended = threading.Event()
        self._painter: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if self.live:
            self._painter = threading.Thread(target=self._paint, daemon=True)
            self._painter.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._painter is not None:
            self._painter.join()
            self._wipe()

    @property
    def elapsed_s(self) -> float:
        return self._clock() - self._began

    def say(self, line: str) -> None:
        """A line that stays."""
        with self._guard:
            self._wipe()
            print(line, file=self.out, flush=True)

    def start(self, name: str, watch: list[Path]) -> None:
        """A component begins; the bytes in the folders `watch` are its download so far."""
        with self._guard:
            self._started[name] = (self._clock(), watch)
        if not self.live:
            self.say(f"{name}: getting it")

    def end(self, name: str, mb: float, note: str = "") -> None:
        """A component is complete; `mb` megabytes is what it was expected to fetch."""
        with self._guard:
            began, _ = self._started.pop(name)
            self._done += 1
            self._got_mb += mb
            self.say(
                f"[{self._done}/{self._steps}] {name}: ready after {self._clock() - began:.1f} s"
                f"{f' ({note})' if note else ''}"
            )

    def fail(self, name: str) -> None:
        with self._guard:
            self._started.pop(name, None)

    def line(self) -> str:
        """The live line at this moment."""
        with self._guard:
            started = dict(self._started)
            done, got_mb = self._done, self._got_mb
        got_mb += sum(size_of(folder) for _, folders in started.values() for folder in folders) / 1e6
        return bar(
            done=done,
            steps=self._steps,
            got_mb=min(got_mb, self._total_mb),
            total_mb=self._total_mb,
            elapsed_s=self.elapsed_s,
            now=list(started),
            width=shutil.get_terminal_size().columns,
        )

    def _wipe(self) -> None:
        if self.live:
            self.out.write("\r\x1b[K")
            self.out.flush()

    def _paint(self) -> None:
        while not self._ended.wait(_PERIOD_S):
            line = self.line()
            with self._guard:
                self._wipe()
                self.out.write(line)
                self.out.flush()
