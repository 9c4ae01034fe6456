"""The cutter between a service and Asterisk's HTTP port: passes on, cuts by path, refuses."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web

from controller.stack.ports import LOOPBACK
from tests.fakes.tcp_cutter import EVENTS, MEDIA, TcpCutter


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


def test_it_cuts_what_it_is_told_to() -> None:
    async def main() -> None:
        app = web.Application()
        app.router.add_get("/{rest:.*}", echo)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, 0).start()
        async with TcpCutter(runner.addresses[0][1]) as cutter, aiohttp.ClientSession() as http:
            events = await http.ws_connect(f"{cutter.url}{EVENTS}?app=x")
            media = await http.ws_connect(f"{cutter.url}{MEDIA}7")
            assert [one.path for one in cutter.connections] == [f"{EVENTS}?app=x", f"{MEDIA}7"]
            cutter.refusing = MEDIA
            assert cutter.cut(MEDIA) == 1
            assert (await media.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
            with pytest.raises(aiohttp.ClientError):
                await http.ws_connect(f"{cutter.url}{MEDIA}8")
            assert cutter.refused > 0
            await events.send_str("still here")
            assert await events.receive_str() == "still here"
            cutter.refusing = ""
            again = await http.ws_connect(f"{cutter.url}{MEDIA}9")
            await again.send_str("here too")
            assert await again.receive_str() == "here too"
            assert len(cutter.up(MEDIA)) == 1
        await runner.cleanup()

    asyncio.run(asyncio.wait_for(main(), 20))
