"""The HTTP client that aioari asks through: credentials in a header, refusals as one exception.

aioari's own puts the password into every URL and leaves a silent event socket open for ever.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from controller.errors import PbxError

HEARTBEAT_S: Final = 5.0
"""Seconds between pings on the event socket; one unanswered for half as long ends it."""


CLOSE_S: Final = 1.0
"""Seconds to wait for the other side's goodbye."""


class Refused(Exception):
    """Asterisk answered with an error status. The text is what it says."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status


def refused_with(error: PbxError) -> int | None:
    """The status of the refusal behind `error`; None where Asterisk did not answer at all."""
    return error.__cause__.status if isinstance(error.__cause__, Refused) else None


class AriHttp:
    """What aioari calls an HTTP client. Made and closed inside a running loop."""

    def __init__(self, url: str, user: str, password: str) -> None:
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}"}
        self._host = urlsplit(url).netloc
        # Twenty calls that start at once ask for more at once than the library would allow.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._waiter: asyncio.Future[None] | None = None

    def next_socket(self) -> asyncio.Future[None]:
        """Done as soon as the next web socket is open."""
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    async def close(self) -> None:
        await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> aiohttp.ClientResponse:
        """Raises `Refused` for an error status."""
        response = await self._session.request(
            method, url, params=params, data=data, headers={**(headers or {}), **self._own_headers(url)}
        )
        if response.status >= 400:
            text = await response.text()
            raise Refused(response.status, _message(text) or response.reason or "no reason given")
        return response

    async def ws_connect(self, url: str, params: Mapping[str, Any] | None = None) -> aiohttp.ClientWebSocketResponse:
        """Raises `Refused` for an error status."""
        try:
            socket = await self._session.ws_connect(
                url,
                params=params,
                headers=self._own_headers(url),
                heartbeat=HEARTBEAT_S,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
            )
        except aiohttp.WSServerHandshakeError as error:
            raise Refused(error.status, error.message) from error
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        return socket

    def _own_headers(self, url: str) -> dict[str, str]:
        """The credentials go to the server that was named, and to no address that its answers name."""
        return self._headers if urlsplit(url).netloc == self._host else {}


def _message(text: str) -> str:
    """ARI says why in JSON: {"message": ...}, a 400 for a body in {"error": ...}."""
    try:
        said = json.loads(text)
    except ValueError:
        return ""
    return str(said.get("message") or said.get("error") or "") if isinstance(said, dict) else ""
