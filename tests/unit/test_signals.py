"""How a service is told to end: what the first signal waits for, and the second does not."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from controller.signals import Signals


class Work:
    """What is under way when the signal comes."""

    def __init__(self) -> None:
        self.began, self.may_end = asyncio.Event(), asyncio.Event()
        self.ended = False

    async def drain(self) -> None:
        self.began.set()
        await self.may_end.wait()
        self.ended = True


def tell(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def told(test: Callable[[Work, asyncio.Task[None]], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        signals, work = Signals(), Work()
        ending = asyncio.create_task(signals.until_ended(work.drain))
        async with asyncio.timeout(30):
            await test(work, ending)

    asyncio.run(main())


def test_sigterm_waits_for_what_is_under_way() -> None:
    async def test(work: Work, ending: asyncio.Task[None]) -> None:
        tell(signal.SIGTERM)
        await work.began.wait()
        assert not ending.done()
        work.may_end.set()
        await ending
        assert work.ended

    told(test)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_wait(second: signal.Signals) -> None:
    async def test(work: Work, ending: asyncio.Task[None]) -> None:
        tell(signal.SIGTERM)
        await work.began.wait()
        tell(second)
        await ending
        assert not work.ended

    told(test)


def test_sigint_does_not_wait() -> None:
    async def test(work: Work, ending: asyncio.Task[None]) -> None:
        tell(signal.SIGINT)
        await ending
        assert not work.began.is_set()

    told(test)


def test_what_goes_wrong_while_draining_is_told() -> None:
    async def main() -> None:
        async def drain() -> None:
            raise OSError("no more room")

        signals = Signals()
        tell(signal.SIGTERM)
        with pytest.raises(OSError, match="no more room"):
            await asyncio.wait_for(signals.until_ended(drain), 30)

    asyncio.run(main())
