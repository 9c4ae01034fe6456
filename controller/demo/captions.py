"""Live captions on the terminal: who said what, how it was translated, and how long the listener waited."""

from __future__ import annotations

import sys
from typing import TextIO

from controller.errors import EngineError
from controller.messages import Clause, Delivery, Outcome
from controller.observer import Observer


class Captions(Observer):
    """One block a clause, printed as it happens."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._colours = out.isatty()

    def clause(self, call: str, clause: Clause) -> None:
        self._print(f"{clause.span.end_s:6.1f} s  {clause.speaker.upper()} [{clause.language}] {clause.text}", "1")

    def delivered(self, call: str, delivery: Delivery) -> None:
        head = f"{'':8}  {delivery.listener.upper()} [{delivery.language}]"
        if delivery.outcome is Outcome.PLAYED:
            self._print(f"{head} {delivery.target}  ({delivery.lag_ms:.0f} ms)", "32")
        else:
            self._print(f"{head} not played: {delivery.reason}", "33")

    def engine_failed(self, call: str, kind: str, error: EngineError) -> None:
        self._print(f"{'':8}  ! {kind}: {error}", "31")

    def _print(self, line: str, colour: str) -> None:
        print(f"\x1b[{colour}m{line}\x1b[0m" if self._colours else line, file=self._out, flush=True)
