"""Who may ask the API for what.

Reading is free unless there is a token, which is then asked for. Voices are somebody's, and what ends or costs
something is dear: those are for this machine alone unless there is a token. `api.token` is good for everything, each
of `api.tokens` for its scopes. No browser can be made to ask for what is dear: it takes JSON, which a page elsewhere
may not send unasked, and an address that is this machine's.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Access:
    """The rule, with or without tokens."""

    def __init__(self, token: str = "", scoped: Sequence[tuple[str, Collection[str]]] = ()) -> None:
        """
        Args:
            token: what is good for everything; empty where there is none.
            scoped: others, and the scopes that each is good for.
        """
        self._tokens: list[tuple[bytes, Collection[str] | None]] = [(_header(one), scopes) for one, scopes in scoped]
        if token:
            self._tokens.append((_header(token), None))

    def refused(self, request: Request, scope: str) -> Response | None:
        """The answer to who may not even read; None for whoever may."""
        if not self._tokens:
            return None
        borne = request.headers.get("authorization", "").encode("latin-1")  # as it came: text is compared in ASCII only
        good_for = [scopes for token, scopes in self._tokens if hmac.compare_digest(borne, token)]
        if not good_for:
            return wrong(401, "This needs the service's api.token: give it as DRAGOMAN_API__TOKEN.")
        if not any(scopes is None or scope in scopes for scopes in good_for):
            return wrong(403, f"This token is not good for this: it lacks the scope {scope}.")
        return None

    def refused_from_afar(self, request: Request, what: str, scope: str) -> Response | None:
        """The same for what only this machine may read where there is no token; `what` begins the sentence, such as
        "Voices are listed"."""
        if no := self.refused(request, scope):
            return no
        if not self._tokens and not _from_here(request):
            return wrong(403, f"{what} from the service's own machine, or with its api.token.")
        return None

    def refused_to_act(self, request: Request, what: str, scope: str) -> Response | None:
        """The same for a request that does something."""
        if no := self.refused_from_afar(request, what, scope):
            return no
        # A page elsewhere may not send a DELETE unasked, whatever is in it.
        json = request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"
        return None if json or request.method == "DELETE" else wrong(415, "This takes application/json.")


def _header(token: str) -> bytes:
    return f"Bearer {token}".encode()


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
