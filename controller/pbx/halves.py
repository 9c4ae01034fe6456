"""Two channels of one running call, which come into the application one by one: each finds the other here.

Knows what the dialplan said of them; knows nothing of what becomes of the two.
"""

from __future__ import annotations

import asyncio
from typing import Final

from controller.errors import PbxError
from controller.pbx.ari_events import CallStarted

OTHER_S: Final = 3.0
"""The dialplan sends both at once."""


class Halves:
    """Channels that wait for their other half, by the call's name in the dialplan (`join=`)."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[CallStarted, asyncio.Future[CallStarted]]] = {}

    async def other(self, started: CallStarted) -> CallStarted | None:
        """Wait for the other channel; None where it waited already: then it is told, and is due to see to both.

        Raises:
            PbxError: there is none, or not the right one.
        """
        name, side = started.options["join"], started.options.get("side")
        if side not in ("a", "b"):
            raise PbxError(f"The dialplan says side={side} of a running call: it must say a of one, b of the other.")
        if name in self._waiting and self._waiting[name][0].options["side"] != side:
            self._waiting.pop(name)[1].set_result(started)
            return None
        found: asyncio.Future[CallStarted] = asyncio.get_running_loop().create_future()
        self._waiting[name] = started, found
        try:
            async with asyncio.timeout(OTHER_S):
                return await found
        except TimeoutError:
            if found.done() and not found.cancelled():  # in the very moment; the other one counts on us
                return found.result()
            raise PbxError(f"The other side of the running call {name} has not come.") from None
        finally:
            if self._waiting.get(name, (None, None))[1] is found:
                del self._waiting[name]
