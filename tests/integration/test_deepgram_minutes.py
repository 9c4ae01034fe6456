"""Two minutes in real time through Deepgram's SDK and a real socket, with every fault once: every word is told once."""

from __future__ import annotations

import asyncio

import pytest

from controller.frames import FRAME_S
from tests.fakes.deepgram_rig import options, rig, scripted
from tests.fakes.fake_deepgram import serve
from tests.fakes.fake_deepgram.service import PASSING, Fault

connection = pytest.importorskip("controller.engines.stt.deepgram.connection", reason="deepgram-sdk is not installed")

pytestmark = pytest.mark.minute

SECONDS = 110.0
EVERY_S = 13.0


def test_every_word_is_told_once_through_every_fault() -> None:
    async def main() -> None:
        service, dialogue = scripted(SECONDS, seed=4)
        step = round(EVERY_S / FRAME_S)
        struck: list[Fault] = []

        async def at_frame(index: int) -> None:
            if index and index % step == 0 and len(struck) < len(PASSING):
                struck.append(PASSING[len(struck)])
                await service.strike(struck[-1])

        async with serve(service) as url:
            transport = connection.DeepgramTransport(options(host=url))
            async with rig(service, dialogue, transport, host=url) as one:
                await one.speak(at_frame)
                assert tuple(struck) == PASSING
                assert one.errors == []
                assert one.words == dialogue.words
                assert one.reconnects >= len(PASSING) - 1

    asyncio.run(main())
