"""What the pipeline tells whoever watches. Measuring lives in observers, never in a branch inside a stage."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from controller.errors import EngineError
from controller.messages import Clause, Delivery, Fate, Reason, Transcript, Translation
from controller.voices.standing import Standing

log = logging.getLogger(__name__)

MOST_FAULTS = 5
"""So often in a row an observer may fail: one odd clause must not cost the metrics of all further calls."""


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """What became of a call's frames so far, for who looks now and then."""

    dropped: Counter[str] = field(default_factory=Counter)
    """Of those that arrived: not consumed, by reason."""

    refused: int = 0
    """Of those for listeners: not taken by their channels."""

    ticks_skipped: int = 0
    """Moments at which no frame was moved, since the process was late."""


class Observer:
    """Watches one or more calls; every method does nothing here. They are called on the event loop: never wait."""

    def joined(self, call: str, leg: str, language: str, candidates: tuple[str, ...]) -> None:
        """A participant is in, and will be heard from. `candidates`: languages among which they are identified."""

    def left(self, call: str, leg: str, reason: Reason) -> None:
        """A participant goes; what is due to them is dropped."""

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

    def speculated(self, call: str, kind: str, fate: Fate) -> None:
        """A work of an engine of `kind` (mt, tts) was begun before its clause was committed, or such a work ended."""

    def echoed(self, call: str, frames: int) -> None:
        """So many voiced frames more were judged to be a phone's echo of what it was sent."""

    def claimed(self, call: str, leg: str, standing: Standing) -> None:
        """Whether a participant with a voice of their own is taken for its owner: first, and whenever it changes."""

    def voiced(self, call: str, leg: str, voice: str) -> None:
        """What such a participant said is going to be spoken: in which voice (profile, version and clip); empty is the
        neutral one."""

    def ticked(self, call: str, late_s: float, work_s: float, frames_in: int, frames_dropped: int) -> None:
        """One tick of a call was done: its lateness, what it took, frames consumed and dropped since the last."""


class Observers(Observer):
    """Several observers as one. A fault in watching does not touch the call; one that does nothing else is dropped."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._all = list(observers)
        self._faults: Counter[int] = Counter()
        """Since they last did not fail, by the id of the observer."""

    def joined(self, call: str, leg: str, language: str, candidates: tuple[str, ...]) -> None:
        self._tell(lambda one: one.joined(call, leg, language, candidates))

    def left(self, call: str, leg: str, reason: Reason) -> None:
        self._tell(lambda one: one.left(call, leg, reason))

    def transcript(self, call: str, transcript: Transcript) -> None:
        self._tell(lambda one: one.transcript(call, transcript))

    def clause(self, call: str, clause: Clause) -> None:
        self._tell(lambda one: one.clause(call, clause))

    def translated(self, call: str, translation: Translation) -> None:
        self._tell(lambda one: one.translated(call, translation))

    def delivered(self, call: str, delivery: Delivery) -> None:
        self._tell(lambda one: one.delivered(call, delivery))

    def engine_failed(self, call: str, kind: str, error: EngineError) -> None:
        self._tell(lambda one: one.engine_failed(call, kind, error))

    def speculated(self, call: str, kind: str, fate: Fate) -> None:
        self._tell(lambda one: one.speculated(call, kind, fate))

    def echoed(self, call: str, frames: int) -> None:
        self._tell(lambda one: one.echoed(call, frames))

    def claimed(self, call: str, leg: str, standing: Standing) -> None:
        self._tell(lambda one: one.claimed(call, leg, standing))

    def voiced(self, call: str, leg: str, voice: str) -> None:
        self._tell(lambda one: one.voiced(call, leg, voice))

    def ticked(self, call: str, late_s: float, work_s: float, frames_in: int, frames_dropped: int) -> None:
        for one in self._all:  # as `_tell`, without what a function for each of so many ticks costs
            try:
                one.ticked(call, late_s, work_s, frames_in, frames_dropped)
            except Exception:
                log.exception("%s failed", type(one).__name__)
                self._failed(one)
            else:
                if self._faults:
                    self._did_not_fail(one)

    def _tell(self, tell: Callable[[Observer], None]) -> None:
        for one in self._all:
            try:
                tell(one)
            except Exception:  # the boundary between the call and those who watch it
                log.exception("%s failed", type(one).__name__)
                self._failed(one)
            else:
                if self._faults:
                    self._did_not_fail(one)

    def _failed(self, one: Observer) -> None:
        self._faults[id(one)] += 1
        if self._faults[id(one)] >= MOST_FAULTS:
            log.error("%s watches no more", type(one).__name__)
            # A new list: the old one is being gone through.
            self._all = [other for other in self._all if other is not one]

    def _did_not_fail(self, one: Observer) -> None:
        self._faults.pop(id(one), None)
