"""Live captions on the terminal: who said what, how it was translated, and how long the listener waited."""

from __future__ import annotations

import queue
import sys
import threading
from typing import TextIO

from controller.errors import EngineError
from controller.messages import Clause, Delivery, Outcome
from controller.observer import Observer


class Captions(Observer):
    """One block a clause, printed as it happens, by a thread: a terminal that is held must not hold the call."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._colours = out.isatty()
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._printer = threading.Thread(target=self._print_all, name="captions", daemon=True)
        self._printer.start()

    def close(self) -> None:
        """Wait, not for ever, until all is printed."""
        self._lines.put(None)
        self._printer.join(2.0)

    def clause(self, call: str, clause: Clause) -> None:
        self._print(f"{clause.span.end_s:6.1f} s  {clause.speaker.upper()} [{clause.language}] {clause.text}", "1")

    def delivered(self, call: str, delivery: Delivery) -> None:
        head = f"{'':8}  {delivery.listener.upper()} [{delivery.language}]"
        if delivery.outcome is Outcome.PLAYED:
            self._print(f"{head} {delivery.target}  ({delivery.lag_ms:.0f} ms)", "32")
            for lost in delivery.lost:
                self._print(f"{'':8}  ? perhaps lost, a {lost.kind}: {lost.what}", "33")
        else:
            self._print(f"{head} not played: {delivery.reason}", "33")

    def engine_failed(self, call: str, kind: str, error: EngineError) -> None:
        self._print(f"{'':8}  ! {kind}: {error}", "31")

    def _print(self, line: str, colour: str) -> None:
        self._lines.put(f"\x1b[{colour}m{line}\x1b[0m" if self._colours else line)

    def _print_all(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                print(line, file=self._out, flush=True)
            except OSError:  # nobody reads any more, as with `make demo | head`
                return
