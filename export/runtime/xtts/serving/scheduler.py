"""Whose turn it is: who gets a row, whose prompt is run, who is given the next token, and who ends.

A turn is at most one part of one prompt, run alone, and one step for all who are ready for it, so that those who speak
go on while another's prompt is run. Whoever is a few steps from their first sound gets these first, and alone: a prompt
takes longer, and so do more rows, so on average everybody hears something sooner. Knows neither model nor vocoder, no
thread of its own and no sleep: what speaks is a `Model`, what becomes of it is an `Out`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from export.runtime.xtts.serving.requests import Busy, Request

Piece = TypeVar("Piece")
"""One piece of a text within the model, from its opening to its closing."""


class Model(Protocol[Piece]):
    """What speaks. Each call may raise; then the request it was made for fails, alone."""

    def open(self, request: Request, part: int) -> Piece:
        """A row for piece `part` of the text; the scheduler opens no more at a time than there are slots."""

    def fill(self, piece: Piece) -> bool:
        """Run the next part of its prompt; True once it is ready to speak."""

    def draw(self, piece: Piece) -> tuple[Any, bool]:
        """Its next token, which a step will give it: what the vocoder is to hear of it, and whether it is the last."""

    def step(self, pieces: Sequence[Piece]) -> None:
        """Give each its token. Where it raises, nothing was given, and it is tried again with each alone."""

    def close(self, piece: Piece) -> None:
        """Free its row. Never raises."""


class Out(Protocol):
    """Where one request's speech goes. Never raises."""

    @property
    def over(self) -> bool:
        """Whether it has ended: all its sound is out, or nobody wants it any more."""

    @property
    def hungry(self) -> bool:
        """Whether too little was said for its first sound."""

    def gone(self) -> bool:
        """Whether nobody listens."""

    def begin(self) -> None:
        """It has a slot."""

    def said(self, heard: Any) -> None:
        """One token more."""

    def part_said(self) -> None:
        """The last token of a piece was the last one said; after the last piece's, nothing more comes."""

    def fail(self, error: Exception) -> None: ...

    def drop(self) -> None: ...


class Stage(Enum):
    FILLING = "its prompt is run"
    SPEAKING = "it gets tokens"
    SAID = "all its tokens are drawn, and its sound is not all out"


@dataclass(eq=False, slots=True)
class Job(Generic[Piece]):
    """One request and how far it is."""

    request: Request
    out: Out
    stage: Stage = Stage.FILLING
    part: int = 0
    piece: Piece | None = None


class Scheduler(Generic[Piece]):
    """Used by one thread, but for `submit`."""

    def __init__(
        self,
        model: Model[Piece],
        *,
        slots: int,
        most_waiting: int,
        changed: Callable[[int, int], None] = lambda active, waiting: None,
    ) -> None:
        """`changed` hears how many have a slot and how many wait, once a turn where that is new."""
        self._model = model
        self._slots, self._most_waiting = slots, most_waiting
        self._changed = changed
        self._told = (0, 0)
        self._active: list[Job[Piece]] = []
        self._waiting: deque[Job[Piece]] = deque()
        self._lock = threading.Lock()
        """Of who waits: requests come from any thread."""
        self._turns = 0

    @property
    def active(self) -> int:
        return len(self._active)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def submit(self, request: Request, out: Out) -> None:
        """Take a request up.

        Raises:
            Busy: every slot and every place to wait is taken.
        """
        with self._lock:
            if len(self._active) + len(self._waiting) >= self._slots + self._most_waiting:
                raise Busy(
                    f"{self._slots} utterances are being spoken and {self._most_waiting} wait: try again in a moment"
                )
            self._waiting.append(Job(request, out))

    def turn(self) -> bool:
        """One round; False where nothing could be done but wait."""
        self._turns += 1
        if self._turns % 2 == 0:
            self._forget()
        self._active = [job for job in self._active if not self._is_over(job)]
        self._admit()
        hungry = any(job.stage is Stage.SPEAKING and job.out.hungry for job in self._active)
        filled = not hungry and self._fill()
        stepped = self._step(hungry=hungry)
        self._tell()
        return filled or stepped

    def end_all(self, error: Exception) -> None:
        """Everybody fails."""
        with self._lock:
            ending = [*self._active, *self._waiting]
            self._waiting.clear()
        for job in ending:
            self._fail(job, error)
        self._active = []
        self._tell()

    def _is_over(self, job: Job[Piece]) -> bool:
        if job.out.over:
            self._close(job)
        return job.out.over

    def _forget(self) -> None:
        """Drop whoever is gone: asked each second turn, which is often enough to free a row within two steps."""
        with self._lock:
            waiting = list(self._waiting)
        gone = [job for job in (*self._active, *waiting) if job.out.gone()]
        for job in gone:
            self._close(job)
            job.out.drop()
        with self._lock:
            self._waiting = deque(job for job in self._waiting if job not in gone)
        self._active = [job for job in self._active if job not in gone]

    def _admit(self) -> None:
        with self._lock:
            while self._waiting and len(self._active) < self._slots:
                job = self._waiting.popleft()
                self._active.append(job)
                job.out.begin()

    def _fill(self) -> bool:
        """One part of the prompt of whoever has waited longest with one."""
        job = next((job for job in self._active if job.stage is Stage.FILLING), None)
        if job is None:
            return False
        try:
            if job.piece is None:
                job.piece = self._model.open(job.request, job.part)
            if self._model.fill(job.piece):
                job.stage = Stage.SPEAKING
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this request's own
            self._fail(job, error)
        return True

    def _step(self, *, hungry: bool) -> bool:
        """A token for everybody who is ready for one, or for the `hungry` alone."""
        ready = [job for job in self._active if job.stage is Stage.SPEAKING]
        drawn = [job for job in ready if job.out.hungry] if hungry else ready
        going = [job for job in drawn if self._draw(job)]
        try:
            self._give(going)
        except Exception as error:  # noqa: BLE001 - it may be the fault of one of them
            if len(going) == 1:
                self._fail(going[0], error)
            else:
                self._give_each(going)
        return bool(drawn)

    def _draw(self, job: Job[Piece]) -> bool:
        """Draw its token; whether it is to be stepped."""
        assert job.piece is not None
        try:
            heard, last = self._model.draw(job.piece)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(job, error)
            return False
        job.out.said(heard)
        if last:
            self._close(job)
            job.out.part_said()
            job.part += 1
            job.stage = Stage.FILLING if job.part < len(job.request.pieces) else Stage.SAID
        return not last

    def _give(self, jobs: Sequence[Job[Piece]]) -> None:
        pieces = [job.piece for job in jobs if job.piece is not None]
        if pieces:
            self._model.step(pieces)

    def _give_each(self, jobs: Sequence[Job[Piece]]) -> None:
        for job in jobs:
            try:
                self._give([job])
            except Exception as error:  # noqa: BLE001 - now it is known whose fault it is
                self._fail(job, error)

    def _fail(self, job: Job[Piece], error: Exception) -> None:
        self._close(job)
        self._active = [other for other in self._active if other is not job]
        job.out.fail(error)

    def _close(self, job: Job[Piece]) -> None:
        if job.piece is not None:
            self._model.close(job.piece)
            job.piece = None

    def _tell(self) -> None:
        if (now := (self.active, self.waiting)) != self._told:
            self._told = now
            self._changed(*now)
