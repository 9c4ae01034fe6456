"""The client's end of a web socket (RFC 6455) on the transport itself: what arrives is told, what is said is written.

No task and no queue of its own: a frame costs a call each way, where a library's reader and writer tasks cost a wake-up
each (with 100 channels, a frame in and one out: 22 us, against 56 with aiohttp). Knows bytes and text only; no
compression, no extensions.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import os
import random
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Final, cast
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 1 << 20
"""A longer one ends the connection: it is nothing that is meant for us."""

GOODBYE_S: Final = 1.0
"""Seconds to wait for the other side's goodbye."""

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_MORE, _TEXT, _BINARY, _CLOSE, _PING = 0, 1, 2, 8, 9
_NORMAL, _PROTOCOL_ERROR, _ABNORMAL, _TOO_BIG = 1000, 1002, 1006, 1009  # RFC 6455, 7.4.1


class Refused(OSError):
    """The other side did not take the connection for a web socket."""


class WebSocket(asyncio.Protocol):
    """An open connection; made by `connect`. Nothing of it but `close` waits."""

    def __init__(self) -> None:
        self.close_code = _ABNORMAL
        """Why it was closed (RFC 6455, 7.4.1)."""
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answer: asyncio.Future[bytes] | None = asyncio.get_running_loop().create_future()
        self._buffer = b""
        self._text = b""
        """The beginning of a text that comes in pieces."""
        self._in_text = False
        self._saying_goodbye = False
        self._on_binary: Callable[[bytes], None] | None = None
        self._on_text: Callable[[str], None] = lambda text: None
        self._on_closed: Callable[[str], None] = lambda reason: None

    def listen(
        self, on_binary: Callable[[bytes], None], on_text: Callable[[str], None], on_closed: Callable[[str], None]
    ) -> None:
        """Tell what comes from now on, and what has come.

        Args:
            on_binary: a message, or a piece of one, as it arrives.
            on_text: a whole text.
            on_closed: told once, with the reason, when the other side or the network ends the connection, or one of the
                other two raised.
        """
        self._on_binary, self._on_text, self._on_closed = on_binary, on_text, on_closed
        # Not from here: the caller may not be ready for what is told.
        asyncio.get_running_loop().call_soon(self.data_received, b"")

    @property
    def waiting(self) -> int:
        """Bytes that the network has not taken yet."""
        return self._transport.get_write_buffer_size()

    def send(self, message: bytes | str) -> bool:
        """Write a message; False where the connection is closed."""
        if self._saying_goodbye or self._transport.is_closing():
            return False
        if isinstance(message, str):
            self._write(_TEXT, message.encode())
        else:
            self._write(_BINARY, message)
        return True

    def hold_little(self, size: int) -> None:
        """Ask the kernel to hold no more than about `size` bytes of what the other side has not taken."""
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(SOL_SOCKET, SO_SNDBUF, size)

    async def close(self) -> None:
        """Say goodbye; drop the connection where the other side takes or says nothing any more."""
        self.listen(lambda message: None, lambda text: None, lambda reason: None)
        self._say_goodbye(_NORMAL)
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await asyncio.shield(self._ended)
        self._transport.abort()

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is none by its class

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or Refused("it was closed before it was open"))
        self._end(str(error) if error else f"closed by the other side (code {self.close_code})")

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if self._answer is not None:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if not self._answer.done():
                self._answer.set_result(head)
            self._answer, self._buffer = None, rest
        try:
            while self._on_binary is not None and self._buffer and self._take():
                pass
        except Exception as error:  # what was told failed: the connection is of no use to its listener any more
            log.exception("what a web socket brought could not be dealt with")
            self._end(f"{type(error).__name__}: {error}")
            self._transport.abort()

    async def shake_hands(self, path: str, host: str, protocol: str) -> None:
        """Ask for a web socket.

        Raises:
            OSError: it was refused, or the connection is gone.
        """
        assert self._answer is not None
        key = base64.b64encode(os.urandom(16))
        self._transport.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n"
            f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n".encode()
        )
        status, _, rest = (await self._answer).decode("latin-1").partition("\r\n")
        if status.split(" ")[1:2] != [str(HTTPStatus.SWITCHING_PROTOCOLS.value)]:
            raise Refused(f"the answer was '{status}'")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest.split("\r\n"))}
        if headers.get("sec-websocket-accept") != base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode():
            raise Refused("the answer was no web socket's")

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    # Messages

    def _take(self) -> bool:
        """Take a whole frame off the buffer; False where there is none."""
        data = self._buffer
        if len(data) < 2:
            return False
        length, begin = data[1], 2
        if length == 126:
            length, begin = int.from_bytes(data[2:4], "big"), 4
        elif length == 127:
            length, begin = int.from_bytes(data[2:10], "big"), 10
        elif length > 127:
            return self._fail(_PROTOCOL_ERROR)  # a server's frames are not masked
        if length > MAX_MESSAGE_BYTES:
            return self._fail(_TOO_BIG)
        end = begin + length
        if len(data) < max(begin, end):
            return False
        self._buffer = data[end:]
        self._tell(data[0] & 0x0F, bool(data[0] & 0x80), data[begin:end])
        return True

    def _tell(self, kind: int, last: bool, content: bytes) -> None:
        if kind == _BINARY or (kind == _MORE and not self._in_text):
            self._in_text = False
            assert self._on_binary is not None
            self._on_binary(content)
        elif kind in (_TEXT, _MORE):
            self._text += content
            self._in_text = not last
            if len(self._text) > MAX_MESSAGE_BYTES:
                self._fail(_TOO_BIG)
            elif last:
                text, self._text = self._text, b""
                self._on_text(text.decode("utf-8", "replace"))
        elif kind == _PING:
            self._write(_PING + 1, content)
        elif kind == _CLOSE:
            self.close_code = int.from_bytes(content[:2], "big") if len(content) >= 2 else _NORMAL
            self._say_goodbye(self.close_code)
            self._transport.close()

    def _write(self, kind: int, content: bytes) -> None:
        length = len(content)
        mask = random.getrandbits(32).to_bytes(4, "big")
        pattern = (mask * (length // 4 + 1))[:length]
        masked = (int.from_bytes(content, "little") ^ int.from_bytes(pattern, "little")).to_bytes(length, "little")
        if length < 126:
            head = bytes((0x80 | kind, 0x80 | length))
        elif length < 1 << 16:
            head = bytes((0x80 | kind, 0xFE)) + length.to_bytes(2, "big")
        else:
            head = bytes((0x80 | kind, 0xFF)) + length.to_bytes(8, "big")
        self._transport.write(head + mask + masked)

    def _say_goodbye(self, code: int) -> None:
        if not self._saying_goodbye and not self._transport.is_closing():
            self._write(_CLOSE, code.to_bytes(2, "big"))
        self._saying_goodbye = True

    def _fail(self, code: int) -> bool:
        self.close_code = code
        self._say_goodbye(code)
        self._transport.close()
        self._buffer = b""
        return False

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
            self._on_closed(reason)


async def connect(url: str, protocol: str) -> WebSocket:
    """Open a web socket.

    Args:
        url: http or https, as the server's other addresses are given.
        protocol: the subprotocol that is asked for.
    Raises:
        OSError: it cannot be reached, or refused.
    """
    parts = urlsplit(url)
    secure = parts.scheme in ("https", "wss")
    _, socket = await asyncio.get_running_loop().create_connection(
        WebSocket, parts.hostname or "", parts.port or (443 if secure else 80), ssl=secure or None
    )
    try:
        await socket.shake_hands(parts.path or "/", parts.netloc.rpartition("@")[2], protocol)
    except BaseException:
        socket.abort()
        raise
    return socket
