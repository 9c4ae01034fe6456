"""The way to Asterisk is cut: a media socket, or the socket of ARI's events. No call ends by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from controller.stack.asterisk import AsteriskServer
from tests.fakes.sip_phone import SipPhone
from tests.fakes.tcp_cutter import EVENTS, MEDIA, TcpCutter
from tests.scenarios.rig import STEP_S
from tests.scenarios.scene import Scene, Talk, clip_engines, speak


def pairs(count: int) -> list[tuple[SipPhone, SipPhone]]:
    return [(SipPhone("a"), SipPhone("b", auto_answer=True)) for _ in range(count)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(STEP_S):
        while not condition():
            await asyncio.sleep(0.02)


def test_media_is_cut_and_torn_down_and_opened_anew(asterisk: AsteriskServer) -> None:
    async def main() -> Talk:
        async with TcpCutter(asterisk.http_port) as cutter:
            settings = {"asterisk": {"url": cutter.url}}
            async with Scene(asterisk, pairs(1), engines=clip_engines(), settings=settings) as scene:
                scene.tolerated = 0.2  # what was under way when it was cut is lost
                talk = await scene.call()
                await speak([talk], count=1)
                cutter.up(MEDIA)[0].cut()
                await until(lambda: len(cutter.up(MEDIA)) == 2)
                await asyncio.sleep(0.5)
                await speak([talk], count=2)
                cutter.refusing = MEDIA  # it takes more than one try
                listed = await asyncio.to_thread(asterisk.cli, "core show channels concise")
                (media,) = [line.split("!")[0] for line in listed.splitlines() if ".b.media" in line]
                await asyncio.to_thread(asterisk.cli, f"channel request hangup {media}")
                await until(lambda: cutter.refused > 1)
                cutter.refusing = ""
                await until(lambda: len(cutter.up(MEDIA)) == 2)
                await asyncio.sleep(0.5)
                await speak([talk], count=3)
                await talk.hang_up()
        return talk

    talk = asyncio.run(main())
    for listener in ("a", "b"):
        for delivery in talk.played(listener):
            talk.assert_translation_heard(delivery)


def test_the_socket_of_events_is_cut(asterisk: AsteriskServer) -> None:
    async def main() -> None:
        async with TcpCutter(asterisk.http_port) as cutter:
            settings = {"asterisk": {"url": cutter.url}}
            async with Scene(asterisk, pairs(3), engines=clip_engines(), settings=settings) as scene:
                talk, hung_up_meanwhile = await scene.call(), await scene.call()
                cutter.refusing = EVENTS
                assert cutter.cut(EVENTS) == 1
                await until(lambda: not scene.service.ready["asterisk"])
                await speak([talk], count=1)  # the call goes on
                hung_up_meanwhile.phones["a"].hang_up()
                await until(lambda: cutter.refused > 0)
                cutter.refusing = ""
                await until(lambda: scene.service.ready["asterisk"])
                await until(lambda: hung_up_meanwhile.record.ended is not None)
                await asyncio.to_thread(hung_up_meanwhile.phones["b"].wait_ended, STEP_S)
                await speak([talk], count=2)
                late = await scene.call()  # new ones are taken again
                await speak([late], count=1)
                await talk.hang_up()
                await late.hang_up()
                talk.assert_flows("a")
                talk.assert_flows("b")

    asyncio.run(main())
