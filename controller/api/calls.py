"""The API's routes about calls: what is up, how it fares, and an end to it.

Ending one is for this machine alone unless `api.token` is set, which is then asked for by every route here. No browser
can be made to do it: it takes JSON, which a page elsewhere may not send unasked, and an address that is this machine's.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

End = Callable[[str], bool]
"""Asks the call process to end a call; False where it takes no more at this moment."""


class LiveCalls(Protocol):
    """What the call process last said of its calls."""

    @property
    def fresh(self) -> bool: ...

    @property
    def calls(self) -> list[dict[str, Any]]: ...


def call_routes(live: LiveCalls, end: End, token: str) -> list[Route]:
    """`GET /calls`, `GET /calls/NAME`, `POST /calls/NAME/end`.

    Args:
        token: what requests must bear; where it is empty, reading is free and ending is this machine's.
    """

    def refused(request: Request) -> Response | None:
        borne = request.headers.get("authorization", "").encode("latin-1")  # as it came: text is compared in ASCII only
        if token and not hmac.compare_digest(borne, f"Bearer {token}".encode()):
            return _wrong(401, "This needs the service's api.token: give it as DRAGOMAN_API__TOKEN.")
        return None if live.fresh else _wrong(503, "The call process does not answer.")

    def found(request: Request) -> dict[str, Any] | None:
        return next((one for one in live.calls if one["name"] == request.path_params["name"]), None)

    async def calls(request: Request) -> Response:
        return refused(request) or JSONResponse({"calls": live.calls})

    async def call(request: Request) -> Response:
        if no := refused(request):
            return no
        one = found(request)
        return JSONResponse(one) if one else _unknown(request)

    async def end_call(request: Request) -> Response:
        if no := refused(request):
            return no
        if not token and not _from_here(request):
            return _wrong(403, "Calls are ended from the service's own machine, or with its api.token.")
        if request.headers.get("content-type") != "application/json":
            return _wrong(415, "This takes application/json.")
        if not found(request):
            return _unknown(request)
        if not end(request.path_params["name"]):
            return _wrong(503, "The call process takes no requests at this moment: try again.")
        return JSONResponse({"ending": request.path_params["name"]}, status_code=202)

    return [
        Route("/calls", calls),
        Route("/calls/{name}", call),
        Route("/calls/{name}/end", end_call, methods=["POST"]),
    ]


def _from_here(request: Request) -> bool:
    """Whether the client is this machine, and called us so: a web page's own name could lead here as well."""
    return request.client is not None and _loopback(request.client.host) and _loopback(request.url.hostname or "")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _unknown(request: Request) -> Response:
    return _wrong(404, f"There is no call {request.path_params['name']}.")


def _wrong(code: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status_code=code)
