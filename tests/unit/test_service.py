"""The call process, without Asterisk: what it goes on doing when another process has gone."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from controller.api.link import ApiLink
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
