"""Blocks of loopback ports that several runs on one machine do not take from each other.

A block's first port is a lock: it stays bound (TCP) for as long as the block is held, and the kernel frees it
when the process ends in whatever way. Blocks lie below the range of ephemeral ports.
"""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import Final

from controller.errors import StackError
from controller.stack.ports import LOOPBACK, is_free

LOWEST: Final = 10_000
_RANGE_FILE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIES: Final = 200


class PortBlock:
    """`size` ports in a row, held until `close`; the first is the lock and not for use."""

    def __init__(self, first: int, size: int, lock: socket.socket) -> None:
        self.first = first
        self.size = size
        self._lock = lock

    def __getitem__(self, offset: int) -> int:
        """The port `offset` places into the block: 1 to `size` - 1."""
        if not 1 <= offset < self.size:
            raise IndexError(offset)
        return self.first + offset

    def close(self) -> None:
        """Give the block back."""
        self._lock.close()

    @classmethod
    def take(cls, size: int) -> PortBlock:
        """A block that no one uses, for TCP and for UDP, starting at an even port.

        Raises:
            StackError: no such block was found.
        """
        highest = _first_ephemeral() - size
        for _ in range(_TRIES):
            first = random.randrange(LOWEST, highest, 2)
            lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                lock.bind((LOOPBACK, first))  # without SO_REUSEADDR, so that no one else can bind it
            except OSError:
                lock.close()
                continue
            others = range(first + 1, first + size)
            if all(is_free(port, kind=kind) for port in others for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)):
                return cls(first, size, lock)
            lock.close()
        raise StackError(f"No {size} free ports in a row were found on {LOOPBACK}: end what holds so many.")


def _first_ephemeral() -> int:
    try:
        return int(_RANGE_FILE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
