"""Deepgram over a web socket, read and written by Deepgram's SDK.

The connection below is opened here: the SDK's own has time-outs of 10 and 60 s that cannot be set, compresses audio,
and keeps to itself what the server said when it refused.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from controller.engines.stt.deepgram.asking import address
from controller.engines.stt.deepgram.line import NAME
from controller.engines.stt.deepgram.options import KEY_VARIABLE, PATH, Options
from controller.engines.stt.deepgram.transport import Control
from controller.errors import EngineBarred, EngineError, EngineRejected, EngineUnavailable

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports websockets' old client, for its types
    from deepgram.core.events import EventType
    from deepgram.listen.v1.socket_client import AsyncV1SocketClient
    from deepgram.listen.v2.socket_client import AsyncV2SocketClient

PING_S: Final = 10.0
"""A peer that is gone is found in silence, too: after twice as long at most."""

CLOSE_S: Final = 1.0

_BARRED: Final = (401, 402, 403)
_REFUSED: Final = (400, 404, 405, 413, 414, 422)


class DeepgramTransport:
    """Connections by the options."""

    def __init__(self, options: Options) -> None:
        self._options = options

    @property
    def keeps_alive_by_text(self) -> bool:
        return not self._options.is_flux

    async def open(
        self, speaker: str, language: str, on_message: Callable[[object], None], on_closed: Callable[[str], None]
    ) -> SocketLink:
        host = self._options.host
        try:
            socket = await connect(
                host + address(self._options, speaker, language),
                additional_headers={"Authorization": f"Token {self._options.key.get_secret_value()}"},
                compression=None,
                open_timeout=None,  # whoever opens it has a limit of their own
                ping_interval=PING_S,
                ping_timeout=PING_S,
                close_timeout=CLOSE_S,
            )
        except InvalidStatus as error:
            raise _refusal(error) from error
        except (OSError, EOFError, InvalidHandshake, WebSocketException) as error:
            raise EngineUnavailable(f"Deepgram cannot be reached at {host}: {error}", engine=NAME) from error
        return SocketLink(socket, self._options.is_flux, on_message, on_closed)


class SocketLink:
    """One connection."""

    def __init__(
        self,
        socket: ClientConnection,
        flux: bool,
        on_message: Callable[[object], None],
        on_closed: Callable[[str], None],
    ) -> None:
        self._socket = socket
        self._client = _client(socket, flux)
        self._flux = flux
        self._client.on(EventType.MESSAGE, on_message)
        self._client.on(EventType.ERROR, lambda error: on_closed(_reason(error)))
        self._client.on(EventType.CLOSE, lambda _: on_closed("it was closed"))
        self._listening = asyncio.create_task(self._client.start_listening(), name="listening to Deepgram")

    async def send(self, message: bytes | Control) -> None:
        try:
            match message:
                case bytes():
                    await self._client.send_media(message)
                case Control.KEEP_ALIVE:
                    await self._client.send_keep_alive()
                case Control.FINISH:
                    await (self._client.send_force_end_turn() if self._flux else self._client.send_finalize())
                case Control.CLOSE:
                    await self._client.send_close_stream()
        except (OSError, WebSocketException) as error:
            raise EngineUnavailable(f"the connection to Deepgram is lost: {_reason(error)}", engine=NAME) from error

    async def close(self) -> None:
        await self._socket.close()
        await self._listening

    def abort(self) -> None:
        self._socket.transport.abort()


def _client(socket: Any, flux: bool) -> Any:
    """The SDK's, which has no types for all of it. It names the old client's connection as its own; of that it uses
    what both have: iteration and send()."""
    return AsyncV2SocketClient(websocket=socket) if flux else AsyncV1SocketClient(websocket=socket)


def _reason(error: object) -> str:
    """What an exception says; a bare TimeoutError says nothing."""
    return str(error) or type(error).__name__


def _refusal(error: InvalidStatus) -> EngineError:
    """What the answer to a handshake means."""
    answer = error.response
    status = answer.status_code
    said = answer.headers.get("dg-error", "") or (answer.body or b"").decode("utf-8", "replace").strip()
    why = f"({status}{': ' + said[:200] if said else ''})"
    if status in _BARRED:
        return EngineBarred(
            f"Deepgram lets us in no more {why}: look at the account, and at the key in {KEY_VARIABLE} or {PATH}.key",
            engine=NAME,
        )
    if status in _REFUSED:
        return EngineRejected(f"Deepgram refuses the options {why}: see {PATH}", engine=NAME)
    return EngineUnavailable(f"Deepgram is busy or failing {why}", engine=NAME)
