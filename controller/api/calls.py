"""The API's routes about calls: what is up, how it fares, and an end to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from controller.api.access import Access, wrong

End = Callable[[str], bool]
"""Asks the call process to end a call; False where it takes no more at this moment."""


class LiveCalls(Protocol):
    """What the call process last said of its calls."""

    @property
    def fresh(self) -> bool: ...

    @property
    def calls(self) -> list[dict[str, Any]]: ...


def call_routes(live: LiveCalls, end: End, access: Access) -> list[Route]:
    """`GET /calls`, `GET /calls/NAME`, `POST /calls/NAME/end`."""

    def silent() -> Response | None:
        return None if live.fresh else wrong(503, "The call process does not answer.")

    def found(request: Request) -> dict[str, Any] | None:
        return next((one for one in live.calls if one["name"] == request.path_params["name"]), None)

    async def calls(request: Request) -> Response:
        return access.refused(request, "calls:read") or silent() or JSONResponse({"calls": live.calls})

    async def call(request: Request) -> Response:
        if no := access.refused(request, "calls:read") or silent():
            return no
        one = found(request)
        return JSONResponse(one) if one else _unknown(request)

    async def end_call(request: Request) -> Response:
        if no := access.refused_to_act(request, "Calls are ended", "calls:end") or silent():
            return no
        if not found(request):
            return _unknown(request)
        if not end(request.path_params["name"]):
            return wrong(503, "The call process takes no requests at this moment: try again.")
        return JSONResponse({"ending": request.path_params["name"]}, status_code=202)

    return [
        Route("/calls", calls),
        Route("/calls/{name}", call),
        Route("/calls/{name}/end", end_call, methods=["POST"]),
    ]


def _unknown(request: Request) -> Response:
    return wrong(404, f"There is no call {request.path_params['name']}.")
