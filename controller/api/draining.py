"""What the API answers once the service is on its way out: 503 to whoever asks for new work.

Looking, ending a call and deleting a voice go on: whoever waits for the last call wants to see it.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from controller.api.access import wrong


class NothingNew:
    """Around the application: refuses what begins something, while `draining()`."""

    def __init__(self, app: ASGIApp, draining: Callable[[], bool]) -> None:
        self._app = app
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._draining() and _begins_something(scope["method"], scope["path"]):
            await wrong(503, "The service is stopping: ask another one, or this one once it is back.")(
                scope, receive, send
            )
            return
        await self._app(scope, receive, send)


def _begins_something(method: str, path: str) -> bool:
    if path.endswith("/consent/revoke"):  # whoever takes back their word is not sent away
        return False
    return method == "POST" and path.startswith("/v1/")
