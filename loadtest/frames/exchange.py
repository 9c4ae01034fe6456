"""A process that plays Asterisk's chan_websocket: `python -m loadtest.frames.exchange CORE CLOCK TRACK...`.

Each connection to `/media/<number>` is a channel: it is sent a frame every 20 ms, at a phase of its own, and plays what
it is sent at the same pace, answering MARK_MEDIA, GET_STATUS and FLUSH_MEDIA. Raw sockets: a library would cost more
than what is measured. Knows nothing of the controller.

CLOCK is a file of doubles, RING a channel, where the moment of each send is left for the receiver to read; a TRACK is
what channels say, raw int16 at 16 kHz, taken in turns. `GET /quiet` ends all sending, `GET /counts` tells what passed.
It prints its port, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import mmap
import struct
import sys
import time
from collections import deque
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Final, cast

import uvloop

from loadtest.frames.cores import pin

FRAME_S: Final = 0.02
FRAME_BYTES: Final = 640
RING: Final = 256
"""Moments of sending kept for each channel: five seconds."""

CHANNELS: Final = 1000
"""Channels that the clock file has room for."""

SLOTS: Final = 20
"""Phases that channels are spread over: one a millisecond."""

_DOUBLE: Final = struct.Struct("d")
_HEADER: Final = b"\x82\x7e" + FRAME_BYTES.to_bytes(2, "big")
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_BINARY, _TEXT, _CLOSE, _PING = 2, 1, 8, 9


class Counts:
    """What passed, all channels together."""

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0
        self.gaps = 0
        """Frames that were due to be played while none was there."""
        self.odd = 0
        """Messages that were no whole frame."""
        self.late_s = 0.0
        """The latest that a frame was sent."""


class Exchange:
    """All channels of the process and the clock that moves them."""

    def __init__(self, clock: mmap.mmap, tracks: list[list[bytes]]) -> None:
        self.clock = clock
        self.tracks = tracks
        self.counts = Counts()
        self.quiet = False
        self.slots: list[list[Channel]] = [[] for _ in range(SLOTS)]

    def sent_at(self, place: int) -> None:
        """Leave the present moment in the clock file."""
        _DOUBLE.pack_into(self.clock, place * 8, time.monotonic())

    async def run(self) -> None:
        """Until cancelled."""
        start = time.monotonic()
        step = FRAME_S / SLOTS
        count = 0
        while True:
            count += 1
            due = start + count * step
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            channels = self.slots[count % SLOTS]
            if channels:
                self.counts.late_s = max(self.counts.late_s, time.monotonic() - due)
            for channel in tuple(channels):
                channel.tick()


class Channel(asyncio.Protocol):
    """One connection: HTTP first, then the web socket of a channel."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._buffer = b""
        self._number = -1
        self._track = cycle(exchange.tracks[0])
        self._sent = 0
        self._received = 0
        self._played = 0
        self._marks: deque[tuple[int, str]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own says that it is none

    def connection_lost(self, error: Exception | None) -> None:
        for slot in self._exchange.slots:
            if self in slot:
                slot.remove(self)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if self._number < 0:
            self._request()
        while self._number >= 0 and self._message():
            pass

    def tick(self) -> None:
        """20 ms have passed: say a frame, and play one."""
        exchange = self._exchange
        if exchange.quiet:
            return
        exchange.sent_at(self._number * RING + self._sent % RING)
        self._sent += 1
        exchange.counts.sent += 1
        self._transport.write(next(self._track))
        if self._played < self._received:
            self._played += 1
            while self._marks and self._marks[0][0] <= self._played:
                self._say({"event": "MEDIA_MARK_PROCESSED", "correlation_id": self._marks.popleft()[1]})
        else:
            exchange.counts.gaps += self._received > 0

    def _request(self) -> None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        self._buffer = rest
        lines = head.decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1]
        if not path.startswith("/media/"):
            self._answer(path)
            return
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        accept = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + _GUID).digest()).decode()
        self._transport.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: media\r\n\r\n".encode()
        )
        exchange, self._number = self._exchange, int(path.removeprefix("/media/"))
        exchange.quiet = False
        track = exchange.tracks[self._number % len(exchange.tracks)]
        begin = self._number * 977 % len(track)  # each somewhere else in it
        self._track = cycle(track[begin:] + track[:begin])
        start = {"channel_id": f"m-{self._number}", "format": "slin16", "optimal_frame_size": FRAME_BYTES}
        self._say({"event": "MEDIA_START", **start})
        exchange.slots[self._number * 7 % SLOTS].append(self)  # 7 and 20 share no factor: every phase is taken

    def _answer(self, path: str) -> None:
        self._exchange.quiet = self._exchange.quiet or path == "/quiet"
        body = json.dumps(vars(self._exchange.counts)).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        self._transport.close()

    def _message(self) -> bool:
        """Take one whole message off the buffer; False where there is none."""
        data = self._buffer
        if len(data) < 6:
            return False
        length, begin = data[1] & 0x7F, 6
        if length == 126:
            length, begin = int.from_bytes(data[2:4], "big"), 8
        if len(data) < begin + length:
            return False
        self._buffer = data[begin + length :]
        kind = data[0] & 0x0F
        if kind == _BINARY:
            self._received += 1
            self._exchange.counts.received += 1
            self._exchange.counts.odd += length != FRAME_BYTES
        elif kind == _TEXT:
            mask = data[begin - 4 : begin]
            text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data[begin : begin + length]))
            self._obey(json.loads(text))
        elif kind == _CLOSE:
            self._transport.write(b"\x88\x00")
            self._transport.close()
        elif kind == _PING:
            self._transport.write(b"\x8a\x00")
        return True

    def _obey(self, said: dict[str, str]) -> None:
        match said["command"]:
            case "MARK_MEDIA":
                self._marks.append((self._received, said["correlation_id"]))
            case "FLUSH_MEDIA":
                self._played = self._received
                self._marks.clear()
            case "GET_STATUS":
                self._say({"event": "STATUS", "queue_length": self._received - self._played, "queue_full": False})

    def _say(self, event: dict[str, object]) -> None:
        text = json.dumps(event).encode()
        assert len(text) < 65536
        length = bytes([len(text)]) if len(text) < 126 else b"\x7e" + len(text).to_bytes(2, "big")
        self._transport.write(b"\x81" + length + text)


def frames(track: bytes) -> list[bytes]:
    """The messages that say `track`, ready to be sent; what is no whole frame at its end is left out."""
    starts = range(0, len(track) - FRAME_BYTES + 1, FRAME_BYTES)
    return [_HEADER + track[start : start + FRAME_BYTES] for start in starts]


async def _main(clock: Path, tracks: list[Path]) -> None:
    with clock.open("r+b") as file, mmap.mmap(file.fileno(), CHANNELS * RING * 8) as shared:
        exchange = Exchange(shared, [frames(track.read_bytes()) for track in tracks])
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Channel(exchange), "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        pacing = loop.create_task(exchange.run())
        loop.add_reader(sys.stdin, pacing.cancel)
        with suppress(asyncio.CancelledError):
            await pacing


if __name__ == "__main__":
    pin(int(sys.argv[1]))
    uvloop.run(_main(Path(sys.argv[2]), [Path(one) for one in sys.argv[3:]]))
