"""Who may ask the API for what.

Reading is free unless `api.token` is set, which is then asked for. What ends something or costs something is for this
machine alone unless there is a token. No browser can be made to ask for that: it takes JSON, which a page elsewhere may
not send unasked, and an address that is this machine's.
"""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Access:
    """The rule, with or without a token."""

    def __init__(self, token: str) -> None:
        """`token`: what requests must bear; empty where there is none."""
        self._token = token

    def refused(self, request: Request) -> Response | None:
        """The answer to who may not even read; None for whoever may."""
        borne = request.headers.get("authorization", "").encode("latin-1")  # as it came: text is compared in ASCII only
        if self._token and not hmac.compare_digest(borne, f"Bearer {self._token}".encode()):
            return wrong(401, "This needs the service's api.token: give it as DRAGOMAN_API__TOKEN.")
        return None

    def refused_to_act(self, request: Request, what: str) -> Response | None:
        """The same for a request that does something; `what` begins the sentence, such as "Calls are ended"."""
        if no := self.refused(request):
            return no
        if not self._token and not _from_here(request):
            return wrong(403, f"{what} from the service's own machine, or with its api.token.")
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return wrong(415, "This takes application/json.")
        return None


def wrong(code: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """An answer that says what is wrong."""
    return JSONResponse({"error": sentence}, status_code=code, headers=headers)


def _from_here(request: Request) -> bool:
    """Whether the client is this machine, and called us so: a web page's own name could lead here as well."""
    return request.client is not None and _loopback(request.client.host) and _loopback(request.url.hostname or "")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
