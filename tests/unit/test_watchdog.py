"""Only a model whose process has died is loaded again; one that is slow is left to its work."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from controller.engines import Engines
from controller.engines.mt.guarded import Guarded
from controller.errors import EngineBarred, EngineDied, EngineError, EngineTimeout, EngineUnavailable
from controller.recovery.breaker import State
from controller.recovery.watchdog import PROBE_S, SELDOM, Watchdog
from controller.triton.client import TritonClient
from controller.virtual_time import run
from tests.fakes.fake_call import virtual
from tests.fakes.fake_chain import SeenWatch, translator
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator, FakeVoice


class Probed(FakeTranslator):
    """Answers its probes by a list; good ones after that."""

    def __init__(self, *failures: EngineError) -> None:
        super().__init__()
        self.failures = list(failures)
        self.probes = 0

    async def probe(self) -> None:
        self.probes += 1
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


async def never_died(engines: Engines) -> tuple[Watchdog, asyncio.Task[None]]:
    watchdog = Watchdog(engines, cast(TritonClient, Triton()))
    await watchdog.first_probe()
    return watchdog, asyncio.create_task(watchdog.run())


@virtual
async def test_a_probe_brings_back_what_calls_had_given_up() -> None:
    await comes_back(guarded=False)


@virtual
async def test_it_looks_behind_the_meaning_guard() -> None:
    await comes_back(guarded=True)


async def comes_back(*, guarded: bool) -> None:
    cloud, local, watch = Probed(), FakeTranslator(), SeenWatch()
    cloud.failing = True
    mt = translator(cloud, local, watch=watch)
    watched = Guarded(mt, [local], 2.0, lambda *_: None) if guarded else mt
    _, task = await never_died(Engines(FakeRecogniser(), watched, FakeVoice()))
    for _ in range(3):
        await mt.translate("hello", "en", "es", ())
    opened = watch.states["fake-mt", "mt"]
    assert opened is State.OPEN
    cloud.failing = False
    await asyncio.sleep(5 + PROBE_S)
    assert watch.states["fake-mt", "mt"] is State.CLOSED
    task.cancel()


@virtual
async def test_it_begins_with_what_works_and_says_what_does_not() -> None:
    barred = EngineBarred("the key is wrong", engine="cloud")
    cloud, local = Probed(barred), FakeTranslator()
    watchdog, task = await never_died(Engines(FakeRecogniser(), translator(cloud, local), FakeVoice()))
    assert watchdog.healthy == {"stt": True, "mt": True, "tts": True}
    task.cancel()
    alone = Watchdog(Engines(FakeRecogniser(), translator(Probed(barred)), FakeVoice()), cast(TritonClient, Triton()))
    with pytest.raises(EngineBarred):
        await alone.first_probe()
    assert not alone.healthy["mt"]


@virtual
async def test_one_that_works_and_has_another_behind_it_is_probed_seldom() -> None:
    cloud, local = Probed(), Probed()
    _, task = await never_died(Engines(FakeRecogniser(), translator(cloud, local), FakeVoice()))
    await asyncio.sleep(SELDOM * PROBE_S + 0.01)
    assert (cloud.probes, local.probes) == (2, 1 + SELDOM)
    task.cancel()
