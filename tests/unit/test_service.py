"""The call process, without Asterisk: what it goes on doing when another process has gone."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from controller.api.link import ApiLink
from controller.calls import Calls
from controller.pbx.call import Call
from controller.pbx.registry import Registry
from controller.service import SNAPSHOT_S, Service
from controller.settings import load
from controller.virtual_time import run


class DeadApi:
    alive = False
    told = 0

    def send(self, *snapshot: Any) -> bool:
        self.told += 1
        return False


def test_calls_that_have_ended_are_forgotten_also_once_the_api_process_is_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        service, api = Service(load(), api=False), DeadApi()
        sampling = asyncio.create_task(service._sample(cast(ApiLink, api)))
        await asyncio.sleep(2.5 * SNAPSHOT_S)
        service._call_figures.joined("call", "a", "en", ())
        await asyncio.sleep(SNAPSHOT_S)
        assert service._call_figures._calls == {}
        assert api.told == 1
        assert caplog.text.count("the API process has ended") == 1
        sampling.cancel()

    run(main())


class LastingCall:
    name = "dragoman-1"


class LastingCalls:
    """One call that is up until the test takes it away."""

    def __init__(self) -> None:
        self.registry = Registry(5)
        self.registry.add(cast(Call, LastingCall()))

    def refuse_new(self) -> None:
        self.registry.draining = True


class ToldApi(DeadApi):
    alive = True

    def __init__(self) -> None:
        self.draining: list[bool] = []

    def send(self, *snapshot: Any) -> bool:
        self.draining.append(snapshot[-1])
        return True


@pytest.mark.parametrize(("lasts_s", "waited_s"), [(20, 20), (100, 60)])
def test_draining_takes_as_long_as_the_calls_and_no_longer_than_its_limit(
    lasts_s: float, waited_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        service, calls, api = Service(load(calls={"drain_s": 60}), api=False), LastingCalls(), ToldApi()
        service._calls, service.api = cast(Calls, calls), cast(ApiLink, api)
        loop = asyncio.get_running_loop()
        began = loop.time()
        hang_up = loop.call_later(lasts_s, calls.registry.remove, cast(Call, LastingCall()))
        await service.drain()
        assert loop.time() - began == pytest.approx(waited_s)
        assert api.draining == [True], "at once, not with the next second's snapshot"
        hang_up.cancel()

    run(main())
    assert ("1 calls are still up after 60 s" in caplog.text) is (lasts_s > waited_s)


def test_where_no_call_is_up_nothing_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        service, calls = Service(load(calls={"drain_s": 0}), api=False), LastingCalls()
        service._calls = cast(Calls, calls)
        calls.registry.remove(cast(Call, LastingCall()))
        await service.drain()

    run(main())
    assert "still up" not in caplog.text
