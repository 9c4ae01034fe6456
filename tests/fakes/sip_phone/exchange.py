"""The thread in which all scripted phones of a process live: an event loop of their own, so that neither a test that
waits nor a service that works holds them up. It begins with the first phone and ends with the last.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")

COMMAND_S = 10.0


class Exchange:
    """`join` and `leave` in pairs; `do` between them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def join(self) -> None:
        with self._lock:
            self._count += 1
            if self._count == 1:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="phones", daemon=True)
                self._thread.start()

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0:
                assert self._loop is not None and self._thread is not None
                asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(COMMAND_S)
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join(COMMAND_S)
                self._loop.close()

    def do(self, work: Coroutine[None, None, T]) -> T:
        """Run it there, wait for it, give back what it gives."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(COMMAND_S)

    def call(self, work: Callable[[], T]) -> T:
        """The same with a plain function."""

        async def run() -> T:
            return work()

        return self.do(run())


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


EXCHANGE = Exchange()
