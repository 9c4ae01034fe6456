"""The bounded queues between stages. Putting never waits; what does not fit is dropped by policy and counted."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")


class Overflow(Enum):
    """What gives way when a queue is full."""

    DROP_OLDEST = "drop_oldest"
    """For live audio: the newest matters."""

    REFUSE = "refuse"
    """For clauses: the newcomer is given back to be accounted for."""


class BoundedQueue(Generic[T]):
    """A queue for one event loop: many producers, one consumer."""

    def __init__(
        self, name: str, capacity: int, overflow: Overflow, on_drop: Callable[[T], None] | None = None
    ) -> None:
        """`on_drop` is told each item that gave way."""
        self.name = name
        self.capacity = capacity
        self.dropped = 0
        self._items: deque[T] = deque()
        self._overflow = overflow
        self._on_drop = on_drop
        self._waiting: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def put_nowait(self, item: T) -> bool:
        """Append `item`; False where an item (this one or the oldest) gave way."""
        items = self._items
        fits = len(items) < self.capacity
        if not fits:
            victim = item if self._overflow is Overflow.REFUSE else items.popleft()
            self.dropped += 1
            if self._on_drop is not None:
                self._on_drop(victim)
            if self._overflow is Overflow.REFUSE:
                return False
        items.append(item)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        return fits

    def get_nowait(self) -> T | None:
        """The oldest item, or None."""
        items = self._items
        return items.popleft() if items else None

    async def get(self) -> T:
        """The oldest item, as soon as there is one."""
        while not self._items:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        return self._items.popleft()

    def drain(self) -> list[T]:
        """Take out everything."""
        items = list(self._items)
        self._items.clear()
        return items
