"""The audio of one channel over a web socket of Asterisk's chan_websocket: slin16, 20 ms frames, JSON events.

Knows frames and the socket's commands; knows nothing of calls or languages. `send` never waits.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from controller.errors import PbxError
from controller.frames import FRAME_BYTES, Pcm
from controller.pbx.ari import AriClient
from controller.pbx.websocket import WebSocket, connect

log = logging.getLogger(__name__)

QUEUE_FRAMES: Final = 3
"""Frames that may wait for the socket; one more is dropped."""

QUEUE_BYTES: Final = (QUEUE_FRAMES - 1) * FRAME_BYTES + FRAME_BYTES // 2
"""More than this waiting is QUEUE_FRAMES frames, whatever their headers and the commands between them take."""

QUEUE_COMMANDS: Final = 64
"""Commands that may wait; one more is refused."""

COMMAND_BYTES: Final = QUEUE_COMMANDS * 64
"""What may wait beyond QUEUE_BYTES before a command is refused: a command with its name takes about 64."""

_SAMPLES: Final = np.dtype("<i2")

SEND_BUFFER_BYTES: Final = 8 * FRAME_BYTES
"""What the kernel is asked to hold of what Asterisk has not taken."""


@dataclass(frozen=True, slots=True)
class MediaStarted:
    """The first thing that Asterisk says."""

    channel_id: str
    format: str
    frame_bytes: int


@dataclass(frozen=True, slots=True)
class MarkReached:
    """All that was sent before the mark has been played."""

    mark: str


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The answer to `request_status`."""

    frames: int
    """Frames that wait in Asterisk to be played."""
    full: bool


@dataclass(frozen=True, slots=True)
class MediaDigit:
    """A key was pressed by someone in the channel's bridge."""

    digit: str


MediaEvent = MediaStarted | MarkReached | QueueStatus | MediaDigit


@dataclass(slots=True)
class MediaCounts:
    """What has passed through one media channel."""

    frames_in: int = 0
    frames_out: int = 0
    dropped_full: int = 0
    """Frames not sent because too many waited, or the socket was closed."""
    dropped_flushed: int = 0
    """Frames that `flush` took out of a queue of ours."""
    bytes_odd: int = 0
    """Bytes received that made up no whole frame."""


class MediaChannel(Protocol):
    """The audio of one channel, whatever carries it."""

    counts: MediaCounts

    @property
    def paces(self) -> bool:
        """Whether the other side holds what it is sent and plays it at its own pace: then a margin must lie there."""

    @property
    def channel_id(self) -> str:
        """The channel in Asterisk."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""

    def send(self, frame: Pcm) -> bool:
        """Queue 20 ms (int16[320]); False when it had to be dropped. Never waits."""

    def mark(self, name: str) -> bool:
        """Ask for `MarkReached(name)` when all sent so far is played; False when refused. Never waits."""

    def flush(self) -> bool:
        """Throw away what is not yet played, marks included; False when refused. Never waits."""

    def request_status(self) -> bool:
        """Ask for a `QueueStatus`; False when refused. Never waits."""

    async def close(self) -> None:
        """Leave; the channel in Asterisk ends with it."""


class Framer:
    """Cuts messages of any length into frames. Whole samples left over wait for the next message."""

    def __init__(self) -> None:
        self.bytes_odd = 0
        """Half samples at the end of messages: kept, they would turn all that follows into noise."""
        self._rest = b""

    def push(self, message: bytes) -> list[Pcm]:
        """The frames (int16[320], read-only) that are complete now."""
        if len(message) == FRAME_BYTES and not self._rest:
            return [np.frombuffer(message, _SAMPLES)]
        if len(message) % 2:
            self.bytes_odd += 1
            message = message[:-1]
        data = self._rest + message if self._rest else message
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        return [np.frombuffer(data, _SAMPLES, FRAME_BYTES // 2, start) for start in range(0, whole, FRAME_BYTES)]

    @property
    def waiting(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._rest)


class MediaSocket:
    """A `MediaChannel` over an open web socket. What waits is what the socket itself holds."""

    paces = True

    def __init__(
        self,
        socket: WebSocket,
        channel_id: str,
        *,
        on_frame: Callable[[Pcm], None],
        on_event: Callable[[MediaEvent], None],
        on_closed: Callable[[str], None],
    ) -> None:
        """Starts listening at once.

        Args:
            on_frame: called with each frame (int16[320], read-only) as it arrives; it must not wait.
            on_event: called with each event; it must not wait.
            on_closed: called once, with the reason, when the socket ends for another reason than `close`.
        """
        self.counts = MediaCounts()
        self._socket = socket
        # By default the kernel takes two minutes of audio for an Asterisk that has stalled.
        socket.hold_little(SEND_BUFFER_BYTES)
        self._channel_id = channel_id
        self._on_frame = on_frame
        self._on_event = on_event
        self._on_closed = on_closed
        self._framer = Framer()
        self._closed = False
        socket.listen(self._heard, self._told, self._ended)

    @property
    def channel_id(self) -> str:
        return self._channel_id

    @property
    def closed(self) -> bool:
        return self._closed

    def send(self, frame: Pcm) -> bool:
        taken = (
            not self._closed
            and self._socket.waiting <= QUEUE_BYTES
            and self._socket.send(frame.astype(_SAMPLES, copy=False).tobytes())
        )
        if taken:
            self.counts.frames_out += 1
        else:
            self.counts.dropped_full += 1
        return taken

    def mark(self, name: str) -> bool:
        return self._command({"command": "MARK_MEDIA", "correlation_id": name})

    def flush(self) -> bool:
        return self._command({"command": "FLUSH_MEDIA"})

    def request_status(self) -> bool:
        return self._command({"command": "GET_STATUS"})

    async def close(self) -> None:
        """Leave; Asterisk ends the channel with its socket. `on_closed` is not called."""
        self._closed = True
        await self._socket.close()

    def _command(self, command: dict[str, str]) -> bool:
        if self._closed or self._socket.waiting > QUEUE_BYTES + COMMAND_BYTES:
            return False
        return self._socket.send(json.dumps(command))

    def _heard(self, message: bytes) -> None:
        for frame in self._framer.push(message):
            self.counts.frames_in += 1
            self._on_frame(frame)
        self.counts.bytes_odd = self._framer.bytes_odd

    def _told(self, text: str) -> None:
        event = parse_event(text)
        if event is not None:
            self._on_event(event)

    def _ended(self, reason: str) -> None:
        self.counts.bytes_odd += self._framer.waiting
        if not self._closed:
            self._closed = True
            self._on_closed(reason)


def parse_event(text: str) -> MediaEvent | None:
    """The event in a text message, or None where it is none of ours."""
    try:
        said = json.loads(text)
    except ValueError:
        log.warning("a media socket said something that is not JSON: %.100r", text)
        return None
    if not isinstance(said, dict):
        return None
    match said.get("event"):
        case "MEDIA_START":
            return MediaStarted(
                str(said.get("channel_id", "")),
                str(said.get("format", "")),
                _number(said, "optimal_frame_size"),
            )
        case "MEDIA_MARK_PROCESSED":
            return MarkReached(str(said.get("correlation_id", "")))
        case "STATUS":
            return QueueStatus(_number(said, "queue_length"), bool(said.get("queue_full")))
        case "DTMF_END":
            return MediaDigit(str(said.get("digit", "")))
        case "ERROR":
            log.warning("a media socket reports an error: %.200s", text)
    return None


def _number(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    return value if isinstance(value, int) else 0


async def open_media(
    ari: AriClient,
    channel_id: str,
    *,
    on_frame: Callable[[Pcm], None],
    on_event: Callable[[MediaEvent], None],
    on_closed: Callable[[str], None],
    timeout_s: float = 3.0,
) -> MediaSocket:
    """Make a media channel called `channel_id`, connect to it, and wait until it may be put into a bridge.

    The order makes it safe: the start is awaited from before the channel is made, connecting answers the
    channel, and only its own start says that a bridge will take it. After a failure nothing is left of it.

    Raises:
        PbxError: Asterisk refused, or did not do it within `timeout_s` seconds.
    """
    socket: WebSocket | None = None
    connection: str | None = None
    try:
        async with asyncio.timeout(timeout_s):
            connection = await ari.external_media(channel_id)
            socket = await connect(f"{ari.url}media/{connection}", "media")
            await ari.started(channel_id, timeout_s)
    except BaseException as error:
        if connection is not None:
            await _undo(ari, channel_id, socket)
        if isinstance(error, TimeoutError):
            raise PbxError(f"The media channel {channel_id} was not up within {timeout_s:g} s.") from error
        if isinstance(error, OSError):
            raise PbxError(f"The socket of media channel {channel_id} did not open: {error}.") from error
        raise
    return MediaSocket(socket, channel_id, on_frame=on_frame, on_event=on_event, on_closed=on_closed)


async def _undo(ari: AriClient, channel_id: str, socket: WebSocket | None) -> None:
    if socket is not None:
        await socket.close()
    ari.forget(channel_id)
    with suppress(PbxError):  # Asterisk itself may be what has gone
        await ari.hangup(channel_id)
