"""A phone's audio on the wire: RTP (RFC 3550) in 20 ms packets by absolute deadlines, and keys (RFC 4733).

Arrival is what the kernel says: this process may come late to its socket.
"""

from __future__ import annotations

import asyncio
import math
import random
import socket
import struct
import time
from collections import deque

import numpy as np

from controller.stack.ports import LOOPBACK
from tests.fakes.sip_phone.g711 import PCMA, PCMU, Law
from tests.fakes.sip_phone.playout import Playout
from tests.fakes.sip_phone.sdp import EVENTS
from tests.fakes.sip_phone.track import Track
from tests.fakes.sip_phone.voice import FRAME, RATE, Voice

KEYS = "0123456789*#ABCD"
KEY_PACKETS = 5
"""100 ms a key."""

KEY_GAP_S = 0.1
"""Between two keys."""

SILENT = 16
"""A packet whose samples are all smaller holds nothing to be heard."""

_SO_TIMESTAMPNS = 35
"""Linux; the socket module has no name for it. A timespec on the real-time clock comes with each packet."""

_LAWS = {one.payload_type: one for one in (PCMU, PCMA)}


class Stream:
    """The audio of one call, from `start` to `close`."""

    def __init__(self, port: int) -> None:
        self.ears = Track()
        self.mouth = Track()
        self.voice = Voice(self.ears)
        self.law: Law = PCMU
        self.remote: tuple[str, int] | None = None
        self.sends = True
        """False while held, or while the phone keeps its packets to itself."""

        self.packets_in = 0
        self.packets_out = 0
        self.keys_heard = ""
        self.began = math.nan
        """When sample 0 was, on time.monotonic()."""

        self.playout = Playout()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        self._frame = 0
        self._paused = True
        self._sequence = random.getrandbits(16)
        self._stamp = random.getrandbits(30)
        self._source = random.getrandbits(32)
        self._keys: deque[str] = deque()
        self._pressed = 0
        """Packets sent of the key that is down."""
        self._last_key = -1
        self._next_key = 0.0
        self._clock = time.time() - time.monotonic()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setblocking(False)
        try:
            self._socket.bind((LOOPBACK, port))
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._readable)

    def start(self) -> None:
        """The call is established: time begins."""
        self.began = time.monotonic()
        self._timer = self._loop.call_soon(self._tick)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    @property
    def now(self) -> int:
        """The sample of this moment."""
        return round((time.monotonic() - self.began) * RATE)

    def press(self, keys: str) -> None:
        self._keys.extend(keys)

    def _tick(self) -> None:
        start = self._frame * FRAME
        pcm = self.voice.frame(start)
        if self.sends and self.remote is not None:
            if self._keys and time.monotonic() >= self._next_key:
                self._send_key(start)
            else:
                self._send(self.law.payload_type, start, self.law.encode(pcm), marked=self._paused)
                self.mouth.write(start, pcm)
            self._paused = False
        else:
            self._paused = True
        self._frame += 1
        due = self.began + self._frame / 50
        self._timer = self._loop.call_later(max(0.0, due - time.monotonic()), self._tick)

    def _send_key(self, start: int) -> None:
        key = KEYS.index(self._keys[0])
        began = start - self._pressed * FRAME
        self._pressed += 1
        last = self._pressed == KEY_PACKETS
        event = struct.pack("!BBH", key, 0x80 * last | 10, self._pressed * FRAME)
        for _ in range(3 if last else 1):  # the end is told three times, as it may be lost
            self._send(EVENTS, began, event, marked=self._pressed == 1)
        if last:
            self._keys.popleft()
            self._pressed = 0
            self._next_key = time.monotonic() + KEY_GAP_S

    def _send(self, payload_type: int, start: int, payload: bytes, *, marked: bool) -> None:
        assert self.remote is not None
        stamp = (self._stamp + start) & 0xFFFFFFFF
        head = struct.pack("!BBHII", 0x80, 0x80 * marked | payload_type, self._sequence, stamp, self._source)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._socket.sendto(head + payload, self.remote)
        self.packets_out += 1

    def _readable(self) -> None:
        while True:
            try:
                packet, ancillary, _, _ = self._socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            except ConnectionRefusedError:  # what was sent to a port that is closed already
                continue
            if math.isnan(self.began):
                continue
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
            arrived = seconds + nanoseconds / 1e9 - self._clock
            self._received(packet, round((arrived - self.began) * RATE))

    def _received(self, packet: bytes, arrival: int) -> None:
        flags, kind, _, stamp, _ = struct.unpack_from("!BBHII", packet)
        payload = packet[12 + 4 * (flags & 0x0F) :]
        if kind & 0x7F == EVENTS:
            if stamp != self._last_key:
                self._last_key = stamp
                self.keys_heard += KEYS[payload[0]]
            return
        law = _LAWS.get(kind & 0x7F)
        if law is None:  # RTCP, or a codec that was not agreed on
            return
        self.packets_in += 1
        pcm = law.decode(payload)
        position = self.playout.place(stamp, arrival, silent=bool(np.abs(pcm).max(initial=0) < SILENT))
        if position is not None:
            self.ears.write(position, pcm)
