"""The calls that are up: who may come in, and whose channel is whose."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from controller.pbx.call import Call


class Registry:
    """Live calls, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._calls: dict[str, Call] = {}
        self.draining = False
        """True once no new call is taken."""
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(tuple(self._calls.values()))

    @property
    def full(self) -> bool:
        """True where one more call must be refused."""
        return self.draining or len(self._calls) >= self._limit

    def add(self, call: Call) -> None:
        self._calls[call.name] = call
        self._empty.clear()

    def remove(self, call: Call) -> None:
        self._calls.pop(call.name, None)
        if not self._calls:
            self._empty.set()

    async def empty(self) -> None:
        """Wait until no call is up."""
        await self._empty.wait()

    def with_channel(self, channel_id: str) -> Call | None:
        """The call that one of the parties' channels belongs to."""
        return next((call for call in self._calls.values() if call.with_channel(channel_id)), None)
