"""What the pipeline tells whoever watches. Measuring lives in observers, never in a branch inside a stage."""

from __future__ import annotations

from collections.abc import Iterable

from controller.errors import EngineError
from controller.messages import Clause, Delivery, Transcript, Translation


class Observer:
    """Watches one or more calls; every method does nothing here. They are called on the event loop: never wait."""

    def transcript(self, call: str, transcript: Transcript) -> None:
        """A partial or final transcript came."""

    def clause(self, call: str, clause: Clause) -> None:
        """A clause was committed."""

    def translated(self, call: str, translation: Translation) -> None:
        """A clause was translated."""

    def delivered(self, call: str, delivery: Delivery) -> None:
        """A delivery ended, played or dropped."""

    def engine_failed(self, call: str, kind: str, error: EngineError) -> None:
        """An engine of `kind` (stt, mt, tts) failed on one piece of work."""

    def ticked(self, call: str, late_s: float, work_s: float, frames_in: int, frames_dropped: int) -> None:
        """One tick of a call was done: its lateness, what it took, frames consumed and dropped since the last."""


class Observers(Observer):
    """Several observers as one."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._all = tuple(observers)

    def transcript(self, call: str, transcript: Transcript) -> None:
        for one in self._all:
            one.transcript(call, transcript)

    def clause(self, call: str, clause: Clause) -> None:
        for one in self._all:
            one.clause(call, clause)

    def translated(self, call: str, translation: Translation) -> None:
        for one in self._all:
            one.translated(call, translation)

    def delivered(self, call: str, delivery: Delivery) -> None:
        for one in self._all:
            one.delivered(call, delivery)

    def engine_failed(self, call: str, kind: str, error: EngineError) -> None:
        for one in self._all:
            one.engine_failed(call, kind, error)

    def ticked(self, call: str, late_s: float, work_s: float, frames_in: int, frames_dropped: int) -> None:
        for one in self._all:
            one.ticked(call, late_s, work_s, frames_in, frames_dropped)
