"""Bounded queues: putting never waits, and nothing vanishes uncounted."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from controller.pipeline.queues import BoundedQueue, Overflow
from controller.virtual_time import run


@given(st.lists(st.one_of(st.none(), st.integers()), max_size=80), st.sampled_from(list(Overflow)))
def test_everything_put_is_got_or_dropped_in_order(script: list[int | None], overflow: Overflow) -> None:
    dropped: list[int] = []
    queue: BoundedQueue[int] = BoundedQueue("test", 5, overflow, dropped.append)
    put, got = [], []
    for step in script:
        if step is None:
            if (item := queue.get_nowait()) is not None:
                got.append(item)
        else:
            put.append(step)
            queue.put_nowait(step)
            assert len(queue) <= 5
    rest = queue.drain()
    assert len(put) == len(got) + len(rest) + len(dropped)
    assert queue.dropped == len(dropped)
    if not dropped:
        assert got + rest == put
    elif overflow is Overflow.DROP_OLDEST:
        assert put[len(put) - len(rest) :] == rest


def test_a_waiting_getter_is_woken() -> None:
    async def main() -> list[int]:
        queue: BoundedQueue[int] = BoundedQueue("test", 5, Overflow.REFUSE)

        async def consume() -> list[int]:
            return [await queue.get() for _ in range(3)]

        consumer = asyncio.create_task(consume())
        for item in range(3):
            await asyncio.sleep(1)
            queue.put_nowait(item)
        return await consumer

    assert run(main()) == [0, 1, 2]


def test_a_cancelled_getter_loses_nothing() -> None:
    async def main() -> int:
        queue: BoundedQueue[int] = BoundedQueue("test", 5, Overflow.REFUSE)
        getter = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.put_nowait(7)
        getter.cancel()
        await asyncio.wait([getter])
        return await queue.get()

    assert run(main()) == 7
