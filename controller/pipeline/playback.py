"""The last stage, one a listener, inside the tick: translations in order of their clauses over the ducked original.

Two translations never overlap. A listener's original is lowered only while a translation is waiting or sounding,
and not while its voice is stuck.
A delivery is played when the mark behind its last frame has come back: what was handed over may still be lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from controller.audio.mix import Ducker
from controller.frames import SAMPLE_RATE, Pcm
from controller.messages import Clause, Reason
from controller.pipeline.controls import Preferences
from controller.pipeline.ledger import Ledger
from controller.pipeline.utterance import Utterance
from controller.telemetry.waterfall import Mark

MARK_S = 1.8
"""How long a mark may take before what lies in front of it counts as lost: 0.3 s is the deepest queue that a media
channel lets stand, it looks for a deeper one every 0.5 s, and 1 s more is for a loop or a socket that is busy."""

STALE_S = 15.0
"""What one on hold has missed is played afterwards, unless its clause ended longer ago than this: too old to follow."""


STARVED_FRAMES = 25
"""A translation whose sound fails to come for so long, 0.5 s, no longer keeps the original down."""


class Outlet(Protocol):
    """Where a listener's sound goes: a media channel. Nothing of it ever waits."""

    def send(self, pcm: Pcm) -> bool:
        """Take one frame, int16[320]; False where it had to be dropped."""
        ...

    def mark(self, name: str) -> bool:
        """Ask to be told `name` (by `Playback.reached`) when all that was sent before is played."""
        ...


class Overheard:
    """An outlet whose frames somebody else is shown as they are taken: the guard against their echo."""

    def __init__(self, outlet: Outlet, sent: Callable[[Pcm, float], None], now: Callable[[], float]) -> None:
        self._outlet = outlet
        self._sent = sent
        self._now = now

    def send(self, pcm: Pcm) -> bool:
        taken = self._outlet.send(pcm)
        if taken:
            self._sent(pcm, self._now())
        return taken

    def mark(self, name: str) -> bool:
        return self._outlet.mark(name)


class Playback:
    """What one listener hears."""

    def __init__(self, listener: str, ledger: Ledger, ducker: Ducker) -> None:
        self._listener = listener
        self._ledger = ledger
        self._ducker = ducker
        self._queue: list[Utterance] = []
        self._closing: deque[tuple[Utterance, float]] = deque()
        """Handed over whole, and when the mark behind each is given up."""
        self._latest: Utterance | None = None
        """The latest translation that was handed over whole."""
        self._held = False
        self._starved = 0
        """Frames since what sounds, or is next to, had one to give."""
        self.preferences = Preferences()

    @property
    def backlog_s(self) -> float:
        """Seconds of translation that wait to be played."""
        return sum(one.samples for one in self._queue) / SAMPLE_RATE

    @property
    def sounding(self) -> bool:
        """True from the first sample of a translation to its last."""
        return bool(self._queue) and self._queue[0].started

    def begin(self, clause: Clause) -> Utterance:
        """Queue a translation by the end of its clause, behind one that is already sounding."""
        return self._put(Utterance(clause))

    def interject(self, utterance: Utterance) -> Utterance:
        """Queue something that is no delivery, before all translations that wait."""
        return self._put(utterance)

    def drop_interjections(self) -> None:
        """Take out those that have not begun to sound."""
        self._queue = [one for one in self._queue if one.started or one.clause is not None]

    def repetition(self) -> Utterance | None:
        """The latest translation that the listener heard, as an interjection; None before the first one."""
        return None if self._latest is None else self._latest.again()

    def hold(self, on: bool) -> None:
        """The listener is on hold and hears nothing: translations wait, and the one that sounds will begin again."""
        self._held = on
        if on and self.sounding:
            self._queue[0].rewind()

    def tick(self, originals: Sequence[Pcm], now_s: float, outlet: Outlet, beside: Sequence[Pcm] = ()) -> bool:
        """Hand the listener's next frame to `outlet`; what it says.

        Args:
            originals: what others say in another language, ducked under a translation.
            beside: what others say in the listener's own language: nothing else will tell them that.
        """
        if self._closing:
            self._drop_lost(now_s)
        if self._held:
            self._drop_stale(now_s)
        if self._held or not self._queue:
            self._starved = 0
            return outlet.send(self._ducker.mix(originals, None, ducked=False, beside=beside))
        utterance, translation = self._next(now_s, outlet)
        self._starved = 0 if translation is not None else self._starved + 1
        ducked = bool(self._queue) and self._starved < STARVED_FRAMES
        frame = self._ducker.mix(originals, translation, ducked=ducked, beside=beside)
        if utterance is None or translation is None:
            return outlet.send(frame)
        if not utterance.started:
            outlet.mark(utterance.attempt())
        taken = outlet.send(frame)
        self._account(utterance, taken, now_s, outlet)
        return taken

    def reached(self, name: str, now_s: float) -> None:
        """The outlet has played all that it was sent before the mark `name`."""
        for utterance in (*self._queue, *(one for one, _ in self._closing)):
            if name == utterance.begins and utterance.started:
                self._passed(utterance, Mark.EAR, now_s)
        for closing in [one for one in self._closing if name == one[0].ends]:
            self._closing.remove(closing)
            self._ended(closing[0], None)

    def holds(self, clause: Clause) -> bool:
        """True where the whole translation of `clause` is here and will be played without its speaker."""
        return self.closing(clause) or any(one.clause == clause and one.complete for one in self._queue)

    def closing(self, clause: Clause) -> bool:
        """True where the translation of `clause` is handed over whole: only its mark has to come back."""
        return any(one.clause == clause for one, _ in self._closing)

    def flush(self, reason: Reason) -> None:
        """Drop all that waits, and what is sounding. What is handed over whole cannot be called back."""
        for utterance in self._queue:
            self._ended(utterance, reason)
        self._queue.clear()

    def _put(self, utterance: Utterance) -> Utterance:
        place = len(self._queue)
        while place > 0 and not self._queue[place - 1].started and self._queue[place - 1].due_s > utterance.due_s:
            place -= 1
        self._queue.insert(place, utterance)
        return utterance

    def _drop_stale(self, now_s: float) -> None:
        for utterance in [one for one in self._queue if one.clause is not None and now_s - one.due_s > STALE_S]:
            self._queue.remove(utterance)
            self._ended(utterance, Reason.DEADLINE)

    def _drop_lost(self, now_s: float) -> None:
        while self._closing and self._closing[0][1] < now_s:
            self._ended(self._closing.popleft()[0], Reason.MEDIA_LOST)

    def _next(self, now_s: float, outlet: Outlet) -> tuple[Utterance | None, Pcm | None]:
        """The translation that sounds now and its next frame; None where there is none yet."""
        while self._queue:
            utterance = self._queue[0]
            frame = None if utterance.abandoned else utterance.take()
            if frame is not None:
                return utterance, frame
            if utterance.abandoned or utterance.complete:
                self._finish(utterance, now_s, outlet)
            else:  # still being made: nothing overtakes it
                return utterance, None
        return None, None

    def _account(self, utterance: Utterance, taken: bool, now_s: float, outlet: Outlet) -> None:
        utterance.handed += taken
        utterance.refused += not taken
        if taken:
            utterance.last_s = now_s
            if not utterance.started:
                utterance.started = True
                self._passed(utterance, Mark.FIRST_PLAYED, now_s)
        if utterance.complete and not utterance.samples:
            self._finish(utterance, now_s, outlet)

    def _finish(self, utterance: Utterance, now_s: float, outlet: Outlet) -> None:
        """Nothing of it is left to hand over: ask for the mark behind it, or account for its delivery."""
        self._queue.remove(utterance)
        reason = utterance.abandoned
        if reason is None and utterance.refused > utterance.handed:
            reason = Reason.MEDIA_LOST
        elif reason is None and not utterance.started:  # the voice had nothing to say
            reason = Reason.TOO_SHORT
        elif reason is None and not outlet.mark(utterance.ends):
            reason = Reason.MEDIA_LOST
        if reason is None:
            self._closing.append((utterance, now_s + MARK_S))
            self._latest = utterance if utterance.clause is not None else self._latest
        else:
            self._ended(utterance, reason)

    def _passed(self, utterance: Utterance, mark: Mark, now_s: float) -> None:
        if utterance.clause is not None:
            self._ledger.mark_listener(utterance.clause, self._listener, mark, now_s)

    def _ended(self, utterance: Utterance, reason: Reason | None) -> None:
        """Account for its delivery, if it is one; None: it was played."""
        if utterance.clause is not None and reason is None:
            self._ledger.played(utterance.clause, self._listener, utterance.last_s)
        elif utterance.clause is not None and reason is not None:
            self._ledger.drop(utterance.clause, self._listener, reason)
