"""The scripted Deepgram on loopback: a real web socket, whose faults are real ones too."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web

from tests.fakes.fake_deepgram.service import FakeDeepgram, Fault, Peer


class _SocketPeer(Peer):
    def __init__(self, service: FakeDeepgram, request: web.Request, answer: web.WebSocketResponse) -> None:
        self._request = request
        self._answer = answer
        self._going: asyncio.Queue[str] = asyncio.Queue()
        super().__init__(service, request.path, request.query)

    async def send_all(self) -> None:
        """Until cancelled."""
        while True:
            await self._answer.send_str(await self._going.get())

    def emit(self, text: str) -> None:
        self._going.put_nowait(text)

    async def close(self, code: int, reason: str) -> None:
        while not self._going.empty():
            await self._answer.send_str(self._going.get_nowait())
        await self._answer.close(code=code, message=reason.encode())

    def drop(self, *, reset: bool) -> None:
        transport = self._request.transport
        assert transport is not None
        if not reset:
            transport.close()
            return
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


class _Server:
    def __init__(self, service: FakeDeepgram) -> None:
        self._service = service

    async def listen(self, request: web.Request) -> web.StreamResponse:
        query = {name: request.query.getall(name) for name in request.query}
        fault = self._service.handshake(request.path, query, request.headers.get("Authorization", ""))
        if fault is Fault.SLOW_OPEN:
            await asyncio.Event().wait()
        if fault is not None:
            return web.Response(status=fault.status, text="scripted", headers={"dg-error": f"SCRIPTED-{fault.status}"})
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        peer = _SocketPeer(self._service, request, answer)
        sending = asyncio.create_task(peer.send_all())
        peer.begin()
        try:
            await self._take_all(peer, answer)
        finally:
            peer.end()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return answer

    async def _take_all(self, peer: Peer, answer: web.WebSocketResponse) -> None:
        async for message in answer:
            if peer.frozen:  # nothing is read any more, and no ping is answered
                await asyncio.Event().wait()
            if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
                await peer.take(message.data)


@asynccontextmanager
async def serve(service: FakeDeepgram, port: int = 0) -> AsyncIterator[str]:
    """The server's URL, on any free port; nothing of it is left."""
    server = _Server(service)
    app = web.Application()
    app.add_routes([web.get("/v1/listen", server.listen), web.get("/v2/listen", server.listen)])
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        host, found = runner.addresses[0][:2]
        yield f"ws://{host}:{found}"
    finally:
        await runner.cleanup()
