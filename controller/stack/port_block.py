"""Blocks of loopback ports that several runs on one machine do not take from each other.

A block starts at a multiple of `STEP`, and holds a lock on each multiple of it: that port stays bound (TCP) for as
long as the block is held, and the kernel frees it when the process ends in whatever way. Two blocks that overlap, of
whatever sizes, share such a port, so the second is refused. Blocks lie below the range of ephemeral ports.
"""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from controller.errors import StackError
from controller.stack.ports import LOOPBACK, is_free

LOWEST: Final = 10_000
STEP: Final = 4
_RANGE_FILE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIES: Final = 200


class PortBlock:
    """`size` ports in a row, held until `close`; each `STEP`th from the first is a lock: of use for UDP alone."""

    def __init__(self, first: int, size: int, locks: ExitStack) -> None:
        self.first = first
        self.size = size
        self._locks = locks

    def __getitem__(self, offset: int) -> int:
        """The port `offset` places into the block: 1 to `size` - 1."""
        if not 1 <= offset < self.size:
            raise IndexError(offset)
        return self.first + offset

    def close(self) -> None:
        """Give the block back."""
        self._locks.close()

    @classmethod
    def take(cls, size: int) -> PortBlock:
        """A block that no one uses, for TCP and for UDP, starting at an even port.

        Raises:
            StackError: no such block was found.
        """
        highest = _first_ephemeral() - size
        for _ in range(_TRIES):
            first = random.randrange(LOWEST, highest, STEP)
            with ExitStack() as locks:
                try:
                    for port in range(first, first + size, STEP):
                        lock = locks.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                        lock.bind((LOOPBACK, port))  # without SO_REUSEADDR, so that no one else can bind it
                except OSError:
                    continue
                if all(_is_unused(port) for port in range(first, first + size)):
                    return cls(first, size, locks.pop_all())
        raise StackError(f"No {size} free ports in a row were found on {LOOPBACK}: end what holds so many.")


def _is_unused(port: int) -> bool:
    """For UDP, and where it is no lock of ours, for TCP."""
    return is_free(port, kind=socket.SOCK_DGRAM) and (port % STEP == 0 or is_free(port))


def _first_ephemeral() -> int:
    try:
        return int(_RANGE_FILE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
