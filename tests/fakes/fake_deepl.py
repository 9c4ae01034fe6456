"""A scripted DeepL on loopback HTTP, written from the shapes that its library sends and reads. It translates nothing.

Each request to /v2/translate takes the next of `faults`; when there is none left it is answered: every text in capital
letters, after the target's code, or what `render` makes of it. It proves how requests are made and faults borne, and
nothing about translations.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Fault:
    """One answer that is none."""

    status: int = 0
    """0 never answers at all"""

    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "scripted"
    body: str | None = None
    """instead of the usual JSON"""


SILENCE = Fault()
DROPPED = Fault(-1)
"""The connection is cut."""


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


async def _capitals(text: str, source: str, target: str) -> str:
    return f"{target}: {text.upper()}"


class FakeDeepL:
    """`async with fake_deepl() as deepl: ...`"""

    def __init__(self) -> None:
        self.url = ""
        self.render: Callable[[str, str, str], Awaitable[str]] = _capitals
        """What a text (with DeepL's codes of its language and the target's) is answered with."""
        self.frozen = False
        """Nothing is answered, as if all faults to come were SILENCE."""
        self.asked: list[Asked] = []
        """Translations."""
        self.usages = 0
        """How often the usage was asked."""
        self.faults: deque[Fault] = deque()
        self.usage: tuple[int, int] | Fault = (0, 500_000)
        """Characters used, and the limit."""
        self.delay_s = 0.0
        self.silent = 0
        """Requests that wait for an answer which never comes, their connections still open."""

    async def translate(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(Asked(request.path, dict(request.headers), body))
        if self.faults or self.frozen:
            return await self._fail(request, self.faults.popleft() if self.faults else SILENCE)
        await asyncio.sleep(self.delay_s)
        source = body.get("source_lang", "EN")
        texts = [
            {
                "detected_source_language": source,
                "text": await self.render(text, source, body["target_lang"]),
                "billed_characters": len(text),
                "model_type_used": "latency_optimized",
            }
            for text in body["text"]
        ]
        return web.json_response({"translations": texts, "billed_characters": sum(map(len, body["text"]))})

    async def tell_usage(self, request: web.Request) -> web.StreamResponse:
        self.usages += 1
        if isinstance(self.usage, Fault):
            return await self._fail(request, self.usage)
        used, limit = self.usage
        return web.json_response({"character_count": used, "character_limit": limit})

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.status == 0:
            self.silent += 1
            try:
                await asyncio.Event().wait()
            finally:
                self.silent -= 1
        if fault.status < 0:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()  # which nobody gets
        text = json.dumps({"message": fault.message}) if fault.body is None else fault.body
        return web.Response(status=fault.status, text=text, headers=fault.headers, content_type="application/json")


@asynccontextmanager
async def fake_deepl() -> AsyncIterator[FakeDeepL]:
    """The server, on any free port; nothing of it is left."""
    deepl = FakeDeepL()
    app = web.Application()
    app.add_routes([web.post("/v2/translate", deepl.translate), web.get("/v2/usage", deepl.tell_usage)])
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        deepl.url = f"http://{host}:{port}"
        yield deepl
    finally:
        await runner.cleanup()
