"""What is measured of the calls in this process, by parts of the product that are given a stop watch from outside."""

from __future__ import annotations

import time
from array import array
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from controller.frames import FRAME_S
from controller.observer import Observer
from controller.pipeline import capture, orchestrator
from controller.pipeline.capture import Capture
from controller.pipeline.queues import BoundedQueue, Overflow
from controller.ticker import Tick, Ticker

T = TypeVar("T")


class Gauges(Observer):
    """The samples of one window; nothing is kept while `on` is False."""

    def __init__(self) -> None:
        self.on = False
        self.sent_s = 0.0
        """When the frame that is being handed over was sent; 0 where it is not known."""
        self.late_s = array("d")
        self.frame_s = array("d")
        """Work of a call's tick and of what it took in since the last one, for each frame of it."""
        self.waits_s: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        """By queue: how long each item was in it. `input` counts from the sending of the frame."""
        self.frames_in = 0
        self._periods: defaultdict[int, float] = defaultdict(float)
        self._due = 0.0
        self._in_tick = False
        self._taken_in: defaultdict[str, float] = defaultdict(float)

    @property
    def period_s(self) -> list[float]:
        """All work of all calls in each 20 ms."""
        return list(self._periods.values())

    def tick_began(self, due_s: float) -> None:
        """A tick that was due at `due_s`. Its lateness is taken from the system's clock: uvloop's counts whole
        milliseconds and stands still within a turn."""
        self._due, self._in_tick = due_s, True
        if self.on:
            self.late_s.append(time.monotonic() - due_s)

    def tick_ended(self) -> None:
        self._in_tick = False

    def watch(self, call: str, capture: Capture) -> None:
        """Count the work of taking frames in between the ticks; within one, the tick's own work holds it."""
        take_in = capture.tick

        def watched(now_s: float) -> None:
            began = time.perf_counter()
            take_in(now_s)
            if not self._in_tick:
                self._taken_in[call] += time.perf_counter() - began

        capture.tick = watched  # type: ignore[method-assign]

    def waited(self, queue: str, since_s: float) -> None:
        """An item left a queue that it entered at `since_s`."""
        if self.on:
            self.waits_s[queue].append(time.monotonic() - since_s)

    def ticked(self, call: str, late_s: float, work_s: float, frames_in: int, frames_dropped: int) -> None:
        work_s += self._taken_in.pop(call, 0.0)
        if self.on:
            self._periods[int(self._due / FRAME_S)] += work_s
            self.frame_s.append(work_s / max(1, frames_in))
            self.frames_in += frames_in


class WatchedTicker(Ticker):
    """Tells the gauges each tick."""

    def __init__(self, gauges: Gauges) -> None:
        super().__init__()
        self._gauges = gauges

    def _call(self, tick: Tick, due: float) -> None:
        self._gauges.tick_began(due)
        super()._call(tick, due)  # which raises nothing
        self._gauges.tick_ended()


@contextmanager
def watched_queues(gauges: Gauges) -> Iterator[None]:
    """Every queue that is made inside tells the gauges how long its items waited."""

    class Watched(BoundedQueue[T]):
        def __init__(
            self, name: str, capacity: int, overflow: Overflow, on_drop: Callable[[T], None] | None = None
        ) -> None:
            super().__init__(name, capacity, overflow, on_drop)
            self._since: deque[float] = deque()

        def put_nowait(self, item: T) -> bool:
            fits = super().put_nowait(item)
            if fits or self._overflow is Overflow.DROP_OLDEST:
                self._since.append(gauges.sent_s if self.name == "input" and gauges.sent_s else time.monotonic())
            if len(self._since) > len(self):
                self._since.popleft()
            return fits

        def get_nowait(self) -> T | None:
            item = super().get_nowait()
            if item is not None:
                gauges.waited(self.name, self._since.popleft())
            return item

        async def get(self) -> T:
            item = await super().get()
            gauges.waited(self.name, self._since.popleft())
            return item

        def drain(self) -> list[T]:
            self._since.clear()
            return super().drain()

    modules = (capture, orchestrator)
    for module in modules:
        module.BoundedQueue = Watched  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in modules:
            module.BoundedQueue = BoundedQueue  # type: ignore[attr-defined]
