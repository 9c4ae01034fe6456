"""Free loopback ports, for servers that must be told theirs before they start."""

from __future__ import annotations

import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


def free_ports(count: int, *, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """`count` different ports, free at this moment on loopback."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket(socket.AF_INET, kind)) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]


def is_free(port: int, *, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """True where `port` can be bound on loopback at this moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
