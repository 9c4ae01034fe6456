"""A way to Asterisk's HTTP port that can be cut: connection by connection, told apart by the path last asked for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from controller.stack.ports import LOOPBACK

EVENTS = "/ari/events"
MEDIA = "/media/"

_REQUEST = re.compile(rb"[A-Z]+ (/\S*) HTTP/1")


@dataclass(slots=True)
class Connection:
    """One connection through the cutter."""

    path: str
    """Of its latest request: a web socket may begin on a connection that served others before."""

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]

    def cut(self) -> None:
        """Gone, without a goodbye in either direction."""
        for one in self.writers:
            one.transport.abort()


@dataclass(slots=True)
class TcpCutter:
    """`async with TcpCutter(port) as cutter:`, and connect to `cutter.url`."""

    target: int
    """The port behind it."""

    refusing: str = ""
    """Connections that ask for a path which begins so are cut at once; empty for none."""

    refused: int = 0
    connections: list[Connection] = field(default_factory=list)
    """Those that are up."""

    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> TcpCutter:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut("")
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    def up(self, path: str) -> list[Connection]:
        """The connections whose path begins with `path`, oldest first."""
        return [one for one in self.connections if one.path.startswith(path)]

    def cut(self, path: str) -> int:
        """Cut all of those; gives back how many there were."""
        found = self.up(path)
        for one in found:
            one.cut()
        return len(found)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(ConnectionError):
            reader_behind, writer_behind = await asyncio.open_connection(LOOPBACK, self.target)
            connection = Connection("", (writer, writer_behind))
            self.connections.append(connection)
            try:
                await asyncio.gather(
                    _pump(reader, writer_behind, lambda data: self._asked(connection, data)),
                    _pump(reader_behind, writer),
                )
            finally:
                self.connections.remove(connection)
                connection.cut()

    def _asked(self, connection: Connection, data: bytes) -> None:
        """Note what is asked for; no frame of a web socket looks like a request."""
        if request := _REQUEST.match(data):
            connection.path = request[1].decode()
            if self.refusing and connection.path.startswith(self.refusing):
                self.refused += 1
                raise ConnectionAbortedError(connection.path)


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, look: Callable[[bytes], None] = lambda _: None
) -> None:
    while data := await reader.read(65_536):
        look(data)
        writer.write(data)
        await writer.drain()
    writer.close()
