"""Only a model whose process has died is loaded again; one that is slow is left to its work."""

from __future__ import annotations

import asyncio
from typing import cast

from controller.engines import Engines
from controller.errors import EngineDied, EngineError, EngineTimeout, EngineUnavailable
from controller.recovery.watchdog import PROBE_S, Watchdog
from controller.triton.client import TritonClient
from controller.virtual_time import run
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator, FakeVoice


class Probed(FakeTranslator):
    """Answers its probes by a list; good ones after that."""

    def __init__(self, *failures: EngineError) -> None:
        super().__init__()
        self.failures = list(failures)

    async def probe(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


class Triton:
    def __init__(self) -> None:
        self.reloaded: list[str] = []

    async def reload(self, model: str) -> None:
        self.reloaded.append(model)


def watch(*failures: EngineError) -> tuple[list[str], list[bool]]:
    async def main() -> tuple[list[str], list[bool]]:
        triton = Triton()
        engines = Engines(FakeRecogniser(), Probed(*failures), FakeVoice())
        watchdog = Watchdog(engines, cast(TritonClient, triton))
        task = asyncio.create_task(watchdog.run())
        health = []
        for _ in range(len(failures) + 2):
            await asyncio.sleep(PROBE_S + 0.01)
            health.append(watchdog.healthy["mt"])
        task.cancel()
        return triton.reloaded, health

    return run(main())


def test_a_dead_process_is_brought_back() -> None:
    reloaded, health = watch(EngineDied("its process has died", engine="apertium"))
    assert reloaded == ["apertium"]
    assert health == [False, True, True]


def test_an_overloaded_one_is_left_alone() -> None:
    late = EngineTimeout("late", engine="apertium")
    busy = EngineUnavailable("busy", engine="apertium")
    reloaded, health = watch(late, busy, late)
    assert reloaded == []
    assert health == [False, False, False, True, True]
