"""How a service is told to end: SIGTERM lets it finish what is under way; a second one, or SIGINT, ends it at once.

Knows what waiting means to nobody but the function that it is given.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable


class Signals:
    """Handles both signals from now on, for the loop that runs."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._now = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._terminated)
        loop.add_signal_handler(signal.SIGINT, self._now.set)

    async def until_ended(self, drain: Callable[[], Awaitable[None]]) -> None:
        """Wait for SIGTERM and then until `drain` is done; it is cancelled where the end is to come at once."""
        draining = asyncio.create_task(self._drained(drain), name="draining")
        at_once = asyncio.create_task(self._now.wait(), name="ending at once")
        await asyncio.wait({draining, at_once}, return_when=asyncio.FIRST_COMPLETED)
        if at_once.done():
            draining.cancel()
            await asyncio.wait({draining})
        else:
            at_once.cancel()
        if not draining.cancelled():
            draining.result()

    def _terminated(self) -> None:
        if self._asked.is_set():
            self._now.set()
        self._asked.set()

    async def _drained(self, drain: Callable[[], Awaitable[None]]) -> None:
        await self._asked.wait()
        await drain()
