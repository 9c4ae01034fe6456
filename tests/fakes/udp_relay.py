"""A bad network between a phone and Asterisk, for RTP: packets are lost, delayed and so reordered, by a seed.

Knows datagrams only. All of a phone's RTP passes through one relay: `inner` faces the phone, `outer` Asterisk.
"""

from __future__ import annotations

import asyncio
import random
import socket
from dataclasses import dataclass

from controller.stack.port_block import PortBlock
from controller.stack.ports import LOOPBACK

Address = tuple[str, int]


@dataclass(slots=True)
class Counts:
    """One direction."""

    came: int = 0
    lost: int = 0


class UdpRelay:
    """Loses `loss` of the packets of each direction and delays each of the others by 0 to `jitter_s`, evenly."""

    def __init__(self, *, loss: float = 0.0, jitter_s: float = 0.0, seed: int = 0) -> None:
        self.loss = loss
        self.jitter_s = jitter_s
        self.from_phone = Counts()
        self.from_asterisk = Counts()
        self._random = random.Random(seed)
        self._block = PortBlock.take(4)
        self._phone: Address | None = None
        self._asterisk: Address | None = None
        self._inner, self._outer = (_bound(self._block[number]) for number in (1, 2))
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def outer(self) -> int:
        """The port at which Asterisk reaches the phone."""
        return self._block[2]

    def connect(self, phone: Address, asterisk: Address) -> Address:
        """Say where both are; gives back where the phone has to send to. In the event loop that shall carry it."""
        self._phone, self._asterisk = phone, asterisk
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._inner, self._from_phone)
            self._loop.add_reader(self._outer, self._from_asterisk)
        return LOOPBACK, self._block[1]

    def close(self) -> None:
        """In the same loop."""
        for one in (self._inner, self._outer):
            if self._loop is not None:
                self._loop.remove_reader(one)
            one.close()
        self._block.close()

    def _from_phone(self) -> None:
        assert self._asterisk is not None
        self._pass_on(self._inner, self._outer, self._asterisk, self.from_phone)

    def _from_asterisk(self) -> None:
        assert self._phone is not None
        self._pass_on(self._outer, self._inner, self._phone, self.from_asterisk)

    def _pass_on(self, source: socket.socket, through: socket.socket, to: Address, counts: Counts) -> None:
        assert self._loop is not None
        while True:
            try:
                packet = source.recv(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            counts.came += 1
            if self._random.random() < self.loss:
                counts.lost += 1
                continue
            self._loop.call_later(self._random.uniform(0, self.jitter_s), _send, through, packet, to)


def _send(through: socket.socket, packet: bytes, to: Address) -> None:
    if through.fileno() >= 0:
        through.sendto(packet, to)


def _bound(port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setblocking(False)
    one.bind((LOOPBACK, port))
    return one
