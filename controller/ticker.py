"""The one 20 ms clock of a process: absolute deadlines, subscribers spread over slices, late ticks skipped.

Knows nothing of what it ticks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from controller.frames import FRAME_S

SLICES = 4
"""Subscribers are spread over this many moments of a frame, so that they do not all come at once."""

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


class Ticker:
    """Calls each subscriber every 20 ms.

    A tick more than one frame late is not made up for (catching up would leave a standing queue in Asterisk): it is
    skipped and counted.
    """

    def __init__(self) -> None:
        self._slices: list[list[Tick]] = [[] for _ in range(SLICES)]
        self._on_fault: dict[Tick, Callable[[], None]] = {}
        self._wake = asyncio.Event()
        self.skipped = 0
        """Slices that were skipped because they were more than one frame late."""

    def add(self, tick: Tick, on_fault: Callable[[], None] | None = None) -> None:
        """Subscribe, on the slice with the fewest subscribers.

        Args:
            on_fault: called when `tick` raised; it is then not ticked any more.
        """
        min(self._slices, key=len).append(tick)
        if on_fault is not None:
            self._on_fault[tick] = on_fault
        self._wake.set()

    def remove(self, tick: Tick) -> None:
        """Unsubscribe; an unknown subscriber is no error."""
        for one in self._slices:
            if tick in one:
                one.remove(tick)
        self._on_fault.pop(tick, None)

    async def run(self) -> None:
        """Tick until cancelled."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        step = FRAME_S / SLICES
        count = 0
        while True:
            if not any(self._slices):
                self._wake.clear()
                await self._wake.wait()
                count = int((loop.time() - start) / step)
            count += 1
            while not self._slices[count % SLICES] and any(self._slices):
                count += 1
            due = start + count * step
            await asyncio.sleep(due - loop.time())
            late = loop.time() - due
            if late > FRAME_S:
                behind = int(late / step)
                self.skipped += sum(bool(self._slices[(count + i) % SLICES]) for i in range(behind))
                count += behind
                due = start + count * step
            for tick in tuple(self._slices[count % SLICES]):
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
