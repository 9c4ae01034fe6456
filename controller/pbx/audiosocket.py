"""The audio of channels over AudioSocket: Asterisk dials our TCP port, one connection a channel, slin16, 20 ms frames.

Beside chan_websocket, where that is not wanted or not there. (Asterisk's AudioSocket carries more than 8 kHz since its
pull request 1492, of October 2025.) A message is one byte of kind, two of length (big endian) and a payload. Unlike
chan_websocket, Asterisk holds nothing back: it plays what comes when it comes, and says nothing of it. So frames are
paced here, a mark is reached when the frames before it have been written to the socket (the socket, not the ear), and
an Asterisk that has stalled is noticed only when the socket takes no more. Knows frames and messages; knows nothing of
calls or languages.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Final, cast
from uuid import UUID, uuid4

from controller.errors import PbxError
from controller.frames import FRAME_BYTES, FRAME_S, Pcm
from controller.pbx.ari import AriClient
from controller.pbx.media import (
    QUEUE_COMMANDS,
    QUEUE_FRAMES,
    SEND_BUFFER_BYTES,
    Framer,
    MarkReached,
    MediaCounts,
    MediaDigit,
    MediaEvent,
    QueueStatus,
)

log = logging.getLogger(__name__)

EARLY_S: Final = FRAME_S / 2
"""A frame may leave so much before its time: ticks are not exact, and each would wait for the pacer otherwise."""

NAME_S: Final = 2.0
"""Within so many seconds a connection must have said which channel's it is."""


class Kind(IntEnum):
    """Of a message."""

    HANGUP = 0x00
    ID = 0x01
    DTMF = 0x03
    SLIN16 = 0x12
    """Signed linear, 16 kHz, little endian."""
    ERROR = 0xFF


OTHER_RATES: Final = {
    0x10: "8 kHz",
    0x11: "12 kHz",
    0x13: "24 kHz",
    0x14: "32 kHz",
    0x15: "44.1 kHz",
    0x16: "48 kHz",
    0x17: "96 kHz",
    0x18: "192 kHz",
}
"""Kinds of audio that we did not ask for (res_audiosocket.h)."""


def message(kind: Kind, payload: bytes = b"") -> bytes:
    """As it goes over the wire."""
    return bytes((kind,)) + len(payload).to_bytes(2, "big") + payload


class Messages:
    """Cuts a stream into messages."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, data: bytes) -> list[tuple[int, bytes]]:
        """Kind and payload of those that are complete now."""
        data, found, at = self._rest + data, [], 0
        while len(data) - at >= 3 and len(data) - at - 3 >= (length := int.from_bytes(data[at + 1 : at + 3], "big")):
            found.append((data[at], data[at + 3 : at + 3 + length]))
            at += 3 + length
        self._rest = data[at:]
        return found


class AudioSocket(asyncio.Protocol):
    """A `MediaChannel` over a connection that Asterisk has opened, once `begin` has been called."""

    paces = False

    def __init__(self, on_named: Callable[[UUID, AudioSocket], bool]) -> None:
        """`on_named`: called with the id that the connection gives; False where nobody waits for that one."""
        self.counts = MediaCounts()
        self.channel_id = ""
        self.closed = False
        self._on_named = on_named
        self._on_frame: Callable[[Pcm], None] = lambda pcm: None
        self._on_event: Callable[[MediaEvent], None] = lambda event: None
        self._on_closed: Callable[[str], None] = lambda reason: None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._gone = self._loop.create_future()
        self._named = False
        self._messages = Messages()
        self._framer = Framer()
        self._queue: deque[bytes | str] = deque()
        """Frames, as messages, and marks."""
        self._frames_waiting = 0
        self._due = 0.0
        """When the next frame should leave, on the loop's clock."""
        self._pacer: asyncio.TimerHandle | None = None

    def begin(
        self,
        channel_id: str,
        on_frame: Callable[[Pcm], None],
        on_event: Callable[[MediaEvent], None],
        on_closed: Callable[[str], None],
    ) -> None:
        """Pass on what comes from now on; see `MediaSocket`."""
        self.channel_id = channel_id
        self._on_frame, self._on_event, self._on_closed = on_frame, on_event, on_closed

    # To Asterisk

    def send(self, frame: Pcm) -> bool:
        if self.closed or self._frames_waiting >= QUEUE_FRAMES or self._backed_up():
            self.counts.dropped_full += 1
            return False
        self._queue.append(message(Kind.SLIN16, frame.astype("<i2", copy=False).tobytes()))
        self._frames_waiting += 1
        if self._pacer is None:
            self._work()
        return True

    def mark(self, name: str) -> bool:
        if self.closed or len(self._queue) - self._frames_waiting >= QUEUE_COMMANDS:
            return False
        if self._queue:
            self._queue.append(name)
        else:  # later all the same: whoever asks is not told before it has its answer
            self._loop.call_soon(self._tell, MarkReached(name))
        return True

    def flush(self) -> bool:
        if self.closed:
            return False
        self.counts.dropped_flushed += self._frames_waiting
        self._clear()
        return True

    def request_status(self) -> bool:
        if self.closed:
            return False
        self._loop.call_soon(self._tell, QueueStatus(self._frames_waiting, self._frames_waiting >= QUEUE_FRAMES))
        return True

    async def close(self) -> None:
        """Leave; Asterisk ends the channel with its connection. `on_closed` is not called."""
        self.closed = True
        self._clear()
        if self._transport is not None:
            self._transport.write(message(Kind.HANGUP))
            if self._transport.get_write_buffer_size():  # Asterisk does not read: it would never be closed
                self._transport.abort()
            self._transport.close()
            await self._gone

    def _backed_up(self) -> bool:
        return self._transport is None or self._transport.get_write_buffer_size() > QUEUE_FRAMES * FRAME_BYTES

    def _work(self) -> None:
        """Write what is due; come back for the rest."""
        self._pacer = None
        while self._queue:
            item = self._queue[0]
            if isinstance(item, str):
                self._loop.call_soon(self._tell, MarkReached(item))
            else:
                now = self._loop.time()
                if now < self._due - EARLY_S:
                    self._pacer = self._loop.call_at(self._due, self._work)
                    return
                # One that is late by less than a frame does not put off those that follow it.
                self._due = (self._due if now - self._due < FRAME_S else now) + FRAME_S
                assert self._transport is not None
                self._transport.write(item)
                self._frames_waiting -= 1
                self.counts.frames_out += 1
            self._queue.popleft()

    def _clear(self) -> None:
        self._queue.clear()
        self._frames_waiting = 0
        if self._pacer is not None:
            self._pacer.cancel()
            self._pacer = None

    def _tell(self, event: MediaEvent) -> None:
        if not self.closed:
            self._on_event(event)

    # From Asterisk

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is none by its class
        # By default the kernel takes two minutes of audio for an Asterisk that has stalled.
        self._transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)
        self._loop.call_later(NAME_S, self._expect_name)

    def data_received(self, data: bytes) -> None:
        try:
            for kind, payload in self._messages.push(data):
                if not self._named:
                    self._name(kind, payload)
                else:
                    self._take(kind, payload)
                if self.closed:
                    return
        except Exception as error:  # the boundary between what listens and the socket: it costs this channel alone
            log.exception("a media listener failed")
            self._end(f"{type(error).__name__}: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self.counts.bytes_odd += self._framer.waiting
        if not self._gone.done():
            self._gone.set_result(None)
        self._end(f"Asterisk closed it ({exc})" if exc else "Asterisk closed it")

    def _expect_name(self) -> None:
        if not self._named and not self.closed:
            log.warning("an AudioSocket connection did not say whose it is")
            self._end("nameless")

    def _name(self, kind: int, payload: bytes) -> None:
        self._named = kind == Kind.ID and len(payload) == 16 and self._on_named(UUID(bytes=payload), self)
        if not self._named:
            log.warning("an AudioSocket connection is refused: nobody waits for it")
            self._end("refused")

    def _take(self, kind: int, payload: bytes) -> None:
        match kind:
            case Kind.SLIN16:
                for frame in self._framer.push(payload):
                    self.counts.frames_in += 1
                    self._on_frame(frame)
                self.counts.bytes_odd = self._framer.bytes_odd
            case Kind.DTMF:
                self._on_event(MediaDigit(payload.decode("ascii", "replace")))
            case Kind.HANGUP:
                self._end("Asterisk hung up")
            case Kind.ERROR:
                self._end(f"Asterisk reports the error {payload.hex() or 'unknown'}")
            case _ if kind in OTHER_RATES:  # to leave it out would be a call that is up and silent
                self._end(f"Asterisk sends audio at another rate: {OTHER_RATES[kind]} where 16 kHz was asked for")
            case _:
                log.debug("an AudioSocket message of the unknown kind %#x is left out", kind)

    def _end(self, reason: str) -> None:
        if self.closed:
            return
        self.closed = True
        self.counts.dropped_full += self._frames_waiting
        self._clear()
        if self._transport is not None:
            self._transport.abort()
        self._on_closed(reason)


class AudioSocketServer:
    """The one port that Asterisk connects to for all channels."""

    def __init__(self, ari: AriClient) -> None:
        self._ari = ari
        self._server: asyncio.Server | None = None
        self._waiting: dict[UUID, asyncio.Future[AudioSocket]] = {}
        self.address = ""
        """Where it listens, once started: `host:port`."""

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Args:
            host: an address of this machine that Asterisk reaches.
            port: 0 for any free one.
        Raises:
            PbxError: the address is not ours, or the port is in use.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: AudioSocket(self._named), host, port)
        except OSError as error:
            raise PbxError(f"AudioSocket cannot listen on {host}:{port}: {error.strerror or error}.") from error
        self.address = f"{host}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Listen no more; connections that are up stay."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def open(
        self,
        channel_id: str,
        *,
        on_frame: Callable[[Pcm], None],
        on_event: Callable[[MediaEvent], None],
        on_closed: Callable[[str], None],
        timeout_s: float = 3.0,
    ) -> AudioSocket:
        """Make a media channel called `channel_id`, wait for its connection and until it may be put into a bridge.

        Raises:
            PbxError: Asterisk refused, or did not do it within `timeout_s` seconds. Nothing is left of it.
        """
        name = uuid4()
        self._waiting[name] = asyncio.get_running_loop().create_future()
        socket: AudioSocket | None = None
        try:
            async with asyncio.timeout(timeout_s):
                await self._ari.external_audiosocket(channel_id, self.address, str(name))
                socket = await self._waiting[name]
                socket.begin(channel_id, on_frame, on_event, on_closed)
                await self._ari.started(channel_id, timeout_s)
        except BaseException as error:
            if socket is not None:
                await socket.close()
            self._ari.forget(channel_id)
            with suppress(PbxError):  # Asterisk itself may be what has gone
                await self._ari.hangup(channel_id)
            if isinstance(error, TimeoutError):
                raise PbxError(f"The media channel {channel_id} was not up within {timeout_s:g} s.") from error
            raise
        finally:
            del self._waiting[name]
        return socket

    def _named(self, name: UUID, socket: AudioSocket) -> bool:
        waiter = self._waiting.get(name)
        if waiter is None or waiter.done():
            return False
        waiter.set_result(socket)
        return True
