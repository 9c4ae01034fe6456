"""The one 20 ms clock of a process: absolute deadlines, subscribers spread over slices, late ticks skipped.

Knows nothing of what it ticks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from controller.frames import FRAME_S

SLICES = 4
"""Subscribers are spread over this many moments of a frame, so that they do not all come at once."""

SLICE_FULL = 16
"""So many subscribers of a slice are about 2 ms of work. Before that another is not begun: waking up costs as much as
two of them."""

STEP_S = FRAME_S / SLICES

MOST_LATE_S = 2 * FRAME_S
"""So late a tick is still made up for: Asterisk holds two frames as a margin and has missed nothing yet."""

LOOK_S = 0.001
"""After a stall: a turn of the event loop later, what came meanwhile has been read. A loop may run its timers before it
looks at its sockets (uvloop does), and a tick gives up what is not there."""

log = logging.getLogger(__name__)

Tick = Callable[[float], None]
"""Called with the event loop's time at which the tick was due."""


class TickSource(Protocol):
    """Whatever ticks: the clock below, or a replay's."""

    def add(self, tick: Tick, on_fault: Callable[[], None] | None = None) -> None:
        """Subscribe; `on_fault` is called when `tick` raised: it is then not ticked any more."""
        ...

    def remove(self, tick: Tick) -> None:
        """Unsubscribe; an unknown subscriber is no error."""
        ...

    def late_s(self, due: float) -> float:
        """Asked by a subscriber that is being ticked: how long ago its tick was due, in seconds."""
        ...


class Ticker:
    """Calls each subscriber every 20 ms.

    A tick later than MOST_LATE_S is not made up for (catching up would leave a standing queue in Asterisk): it is
    skipped and counted.
    """

    def __init__(self) -> None:
        self._slices: list[list[Tick]] = [[] for _ in range(SLICES)]
        self._on_fault: dict[Tick, Callable[[], None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        """While it runs."""
        self._start = 0.0
        self._count = 0
        """Slices since the start, the one that is waited for included."""
        self._timer: asyncio.TimerHandle | None = None
        """None while nobody is subscribed."""
        self._turn_s = self._turn_began = 0.0
        """When the turn under way began, by the event loop's clock and by the system's."""
        self._looked = False
        """After a stall, at what came meanwhile."""
        self.skipped = 0
        """Slices that were skipped because they were more than MOST_LATE_S late."""

    def add(self, tick: Tick, on_fault: Callable[[], None] | None = None) -> None:
        """Subscribe, on the first slice that has room, or else on the one with the fewest subscribers.

        Args:
            on_fault: called when `tick` raised; it is then not ticked any more.
        """
        roomy = (one for one in self._slices if len(one) < SLICE_FULL)
        next(roomy, min(self._slices, key=len)).append(tick)
        if on_fault is not None:
            self._on_fault[tick] = on_fault
        if self._loop is not None and self._timer is None:
            self._count = int((self._loop.time() - self._start) / STEP_S)
            self._wait()

    def remove(self, tick: Tick) -> None:
        """Unsubscribe; an unknown subscriber is no error."""
        for one in self._slices:
            if tick in one:
                one.remove(tick)
        self._on_fault.pop(tick, None)

    def late_s(self, due: float) -> float:
        """Asked by a subscriber that is being ticked: how long ago its tick was due, in seconds.

        An event loop's clock may stand still within a turn (uvloop's does): what the subscribers before it took is
        added.
        """
        return self._turn_s - due + time.perf_counter() - self._turn_began

    async def run(self) -> None:
        """Tick until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._start, self._count = self._loop.time(), 0
        self._wait()
        try:
            await self._loop.create_future()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._loop = self._timer = None

    def _wait(self) -> None:
        """For the next slice that has subscribers. A timer's callback: a task that sleeps costs a turn more."""
        self._timer = None
        for _ in range(SLICES):
            self._count += 1
            if self._slices[self._count % SLICES]:
                assert self._loop is not None
                self._timer = self._loop.call_at(self._start + self._count * STEP_S, self._turn)
                return

    def _turn(self) -> None:
        assert self._loop is not None
        self._turn_s, self._turn_began = self._loop.time(), time.perf_counter()
        late = self._turn_s - self._start - self._count * STEP_S
        if late > MOST_LATE_S and not self._looked:
            self._looked = True
            self._timer = self._loop.call_later(LOOK_S, self._turn)
            return
        self._looked = False
        if late > MOST_LATE_S:
            behind = int(late / STEP_S)
            self.skipped += sum(bool(self._slices[(self._count + i) % SLICES]) for i in range(behind))
            self._count += behind
        due, ticks = self._start + self._count * STEP_S, tuple(self._slices[self._count % SLICES])
        self._wait()
        for tick in ticks:
            self._call(tick, due)

    def _call(self, tick: Tick, due: float) -> None:
        try:
            tick(due)
        except Exception:  # the boundary between calls: a fault in one must not silence the others
            log.exception("a tick failed; its subscriber is removed")
            on_fault = self._on_fault.get(tick)
            self.remove(tick)
            if on_fault is not None:
                on_fault()
