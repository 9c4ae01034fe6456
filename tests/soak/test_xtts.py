"""A thousand utterances, most of them broken off at random moments, leave Triton and the model as they were."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.triton.client import TritonClient
from tests.integration import xtts_rig
from tests.integration.asking import Samples, ask, metric, until
from tests.integration.xtts_rig import Asked, Listening
from tests.left_behind import shared_memory

COUNT = 1000
SLOTS = 8
TOGETHER = 12
"""At a time: as many as have slots, and some who wait."""
FIRST = 200
"""After so many the process has all that it keeps for good: arenas, prefixes, threads' stacks."""
POOL = 4
"""Threads, and handles, that gRPC in the server ends and begins as it sees fit: less than one in a hundred utterances
would leave."""
GROWTH_MB = 24.0
"""Of resident memory, over all the others: an utterance that left a hundredth of its row behind would pass it."""

TEXTS = ("Hm", "Yes", "No")


@pytest.fixture(scope="module")
def triton(xtts_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, TritonServer]]:
    folder = xtts_rig.variant(tmp_path_factory.mktemp("soak"), xtts_repository)
    with Run() as run:
        server = TritonServer(run, folder)
        server.start()
        yield run, server


@dataclass(frozen=True)
class Held:
    """What a server and its model's process hold."""

    threads: tuple[int, int]
    handles: tuple[int, int]
    resident_mb: float
    shared: int
    """Bytes of shared memory."""
    regions: int


def held(run: Run, server: TritonServer) -> Held:
    stub = server.stub_pid("xtts_v2")
    assert stub is not None
    both = (Path(f"/proc/{server.pid}"), Path(f"/proc/{stub}"))
    regions = shared_memory({run.mark})
    return Held(
        threads=_counts(both, "task"),
        handles=_counts(both, "fd"),
        resident_mb=sum(_resident_mb(one) for one in both),
        shared=sum(one.stat().st_size for one in regions),
        regions=len(regions),
    )


def _counts(processes: tuple[Path, Path], what: str) -> tuple[int, int]:
    first, second = (len(list((one / what).iterdir())) for one in processes)
    return first, second


def _resident_mb(process: Path) -> float:
    (line,) = (one for one in (process / "status").read_text().splitlines() if one.startswith("VmRSS:"))
    return int(line.split()[1]) / 1e3


async def soak(client: TritonClient, seeds: range) -> dict[str, int]:
    """An utterance for each seed, `TOGETHER` at a time; how many were heard to their end and how many left."""
    ends = {"heard": 0, "left": 0}
    waiting = iter(seeds)

    async def one_after_the_other() -> None:
        for seed in waiting:
            ends[await _one(client, random.Random(seed), seed)] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(TOGETHER):
            group.create_task(one_after_the_other())
    return ends


async def _one(client: TritonClient, chance: random.Random, seed: int) -> str:
    """Somebody hears all of it, or leaves: at once, while they wait, with the first sound, a little later."""
    asked = Asked(chance.choice(TEXTS), who=chance.randrange(30), seed=seed)
    listening = Listening(client, asked)
    if chance.random() < 0.2:
        pcm = await listening.end()
        assert len(pcm) > 0
        return "heard"
    if chance.random() < 0.5:
        await asyncio.sleep(chance.random() * 0.3)
    else:
        done, _ = await asyncio.wait(
            {listening.task, began := asyncio.create_task(listening.heard(1))}, return_when=asyncio.FIRST_COMPLETED
        )
        assert done
        await asyncio.gather(began, return_exceptions=True)
    if listening.task.done():
        await listening.task
        return "heard"
    await listening.leave()
    return "left"


def alone(server: TritonServer) -> Samples:
    async def hear(client: TritonClient) -> Samples:
        return await Listening(client, Asked("Yes", who=1, seed=1)).end()

    return ask(server, hear)


async def fill_all_slots(client: TritonClient) -> int:
    """Somebody in every slot; how many could be heard at the same time."""
    asked = Asked("It goes on and on, one word after the other. " * 8, speed=1.0)
    listening = [Listening(client, asked) for _ in range(SLOTS)]
    for one in listening:
        await one.heard(1)
    at_once = sum(not one.task.done() for one in listening)
    for one in listening:
        await one.leave()
    return at_once


def test_a_thousand_utterances_leave_nothing_behind(triton: tuple[Run, TritonServer]) -> None:
    run, server = triton

    def idle() -> bool:
        return metric(server, "dragoman_xtts_active") == metric(server, "dragoman_xtts_waiting") == 0

    before = alone(server)
    ask(server, lambda client: soak(client, range(FIRST)))
    until("nobody speaks or waits", idle)
    first = held(run, server)
    ends = ask(server, lambda client: soak(client, range(FIRST, COUNT)))
    until("nobody speaks or waits", idle)
    assert ends["heard"] + ends["left"] == COUNT - FIRST
    assert min(ends.values()) > (COUNT - FIRST) / 10, "both kinds were there"
    # A connection that was just closed may still be among the first ones: fewer are no fault.
    until("the server's handles are closed", lambda: held(run, server).handles[0] <= first.handles[0] + POOL)
    until("the model's handles are closed", lambda: held(run, server).handles[1] <= first.handles[1])
    last = held(run, server)
    assert last.threads[1] == first.threads[1]
    assert abs(last.threads[0] - first.threads[0]) <= POOL
    assert (last.shared, last.regions) == (first.shared, first.regions)
    assert last.resident_mb - first.resident_mb < GROWTH_MB, (first, last)
    assert ask(server, fill_all_slots) == SLOTS
    until("nobody speaks or waits", idle)
    after = alone(server)
    assert len(after) == len(before)
    assert np.abs(after.astype(int) - before).max() <= 1
