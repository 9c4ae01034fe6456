"""A small ARI on loopback: the part of Asterisk's REST interface and event socket that the client uses, scripted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from controller.pbx.ari import AriClient
from controller.pbx.ari_events import (
    Event,
)


def operation(
    method: str, nickname: str, path: str, *parameters: tuple[str, str], socket: bool = False
) -> dict[str, Any]:
    """One entry of an api-docs file."""
    given = [
        {
            "name": name,
            "paramType": where,
            "required": where == "path",
            "allowMultiple": False,
            "dataType": "string",
        }
        for name, where in parameters
    ]
    one = {"httpMethod": method, "nickname": nickname, "parameters": given, "responseClass": "void"}
    if socket:
        one |= {"upgrade": "websocket", "websocketProtocol": "ari"}
    return {"path": path, "operations": [one]}


QUERY = [
    (name, "query")
    for name in [
        "app",
        "appArgs",
        "endpoint",
        "originator",
        "callerId",
        "timeout",
        "channelId",
        "format",
        "encapsulation",
        "transport",
        "connection_type",
        "transport_data",
    ]
]
ID = ("channelId", "path")
DOCS: dict[str, list[dict[str, Any]]] = {
    "channels": [
        operation("GET", "list", "/channels"),
        operation("POST", "originate", "/channels", *QUERY),
        operation("POST", "externalMedia", "/channels/externalMedia", *QUERY),
        operation("POST", "answer", "/channels/{channelId}/answer", ID),
        operation("DELETE", "hangup", "/channels/{channelId}", ID, ("reason", "query")),
    ],
    "bridges": [operation("GET", "list", "/bridges")],
    "asterisk": [
        operation("GET", "getInfo", "/asterisk/info"),
        operation("GET", "listModules", "/asterisk/modules"),
        operation(
            "GET",
            "getObject",
            "/asterisk/config/dynamic/{configClass}/{objectType}/{id}",
            ("configClass", "path"),
            ("objectType", "path"),
            ("id", "path"),
        ),
    ],
    "events": [operation("GET", "eventWebsocket", "/events", ("app", "query"), socket=True)],
}


class SmallAri:
    """Answers as `answers[(method, path)]` says; 404 otherwise."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {
            ("GET", "/ari/channels"): (200, []),
            ("GET", "/ari/bridges"): (200, []),
        }
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.before: Callable[[], Coroutine[Any, Any, None]] | None = None
        """Awaited before a POST is answered."""
        self.refuse_sockets = 0
        self.documented = True

    async def docs(self, request: web.Request) -> web.Response:
        if not self.documented:
            return web.json_response({"hello": "world"})
        name, base = request.match_info["name"], f"http://{request.host}/ari"
        head = {"apiVersion": "1", "swaggerVersion": "1.1", "basePath": base}
        if name == "resources":
            paths = [{"path": f"/api-docs/{one}.{{format}}", "description": one} for one in DOCS]
            return web.json_response({**head, "apis": paths})
        return web.json_response({**head, "resourcePath": f"/api-docs/{name}", "apis": DOCS[name], "models": {}})

    async def events(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_sockets:
            self.refuse_sockets -= 1
            return web.Response(status=503)
        assert "api_key" not in request.query and "Authorization" not in request.query
        assert request.headers["Authorization"].startswith("Basic ")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for _ in socket:
            pass
        return socket

    async def any(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path, dict(request.query)))
        if request.method == "POST" and self.before is not None:
            await self.before()
        status, body = self.answers.get((request.method, request.path), (404, {"message": "Channel not found"}))
        return web.Response(status=204) if status == 204 else web.json_response(body, status=status)

    async def tell(self, kind: str, channel_id: str, **more: Any) -> None:
        await self.sockets[-1].send_json({"type": kind, "channel": {"id": channel_id, "name": "PJSIP/x"}, **more})


class Seen:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.changed = asyncio.Event()

    async def __call__(self, event: Event) -> None:
        self.events.append(event)
        self.changed.set()

    async def until(self, condition: Callable[[list[Event]], bool]) -> None:
        while not condition(self.events):
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def small_ari() -> AsyncIterator[tuple[SmallAri, str]]:
    server = SmallAri()
    app = web.Application()
    app.router.add_get("/ari/api-docs/{name}.json", server.docs)
    app.router.add_get("/ari/events", server.events)
    app.router.add_route("*", "/{rest:.*}", server.any)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield server, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client(handler: Any = None) -> AsyncIterator[tuple[AriClient, SmallAri, Seen]]:
    seen = Seen()
    async with small_ari() as (server, url):
        ari = await AriClient.connect(url, "user", "p&ss w:rd", "dragoman", handler or seen)
        try:
            yield ari, server, seen
        finally:
            await ari.close()


def go(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))
