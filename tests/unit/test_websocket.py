"""The web socket against a server that says exactly what a test wants, byte by byte."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop

from controller.pbx.websocket import MAX_MESSAGE_BYTES, Refused, WebSocket, connect
from tests.quiet import quiet

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(kind: int, content: bytes, *, last: bool = True) -> bytes:
    """A server's frame: not masked."""
    head = bytes([(0x80 if last else 0) | kind])
    length = len(content)
    if length < 126:
        return head + bytes([length]) + content
    if length < 1 << 16:
        return head + b"\x7e" + length.to_bytes(2, "big") + content
    return head + b"\x7f" + length.to_bytes(8, "big") + content


class Server:
    """One connection from the server's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self) -> tuple[int, bytes]:
        """The next frame of the client: kind and content."""
        first, second = await self.reader.readexactly(2)
        assert first & 0x80 and second & 0x80, "whole, and masked"
        length = second & 0x7F
        if length == 126:
            length = int.from_bytes(await self.reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await self.reader.readexactly(8), "big")
        mask = await self.reader.readexactly(4)
        content = await self.reader.readexactly(length)
        return first & 0x0F, bytes(one ^ mask[place % 4] for place, one in enumerate(content))

    def say(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))


class Heard:
    def __init__(self) -> None:
        self.all: list[bytes | str] = []
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.changed = asyncio.Event()

    def message(self, one: bytes | str) -> None:
        self.all.append(one)
        self.changed.set()

    async def until(self, count: int) -> None:
        while len(self.all) < count:
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def serving(
    greeting: bytes = b"", answer: bytes | None = None
) -> AsyncIterator[tuple[str, asyncio.Queue[Server]]]:
    """A server's address and its connections. `greeting` follows its answer in the same write."""
    connections: asyncio.Queue[Server] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        assert b"Sec-WebSocket-Protocol: media\r\n" in head
        writer.write((answer or b"HTTP/1.1 101 Switching\r\nsec-websocket-accept: %s\r\n\r\n" % accept) + greeting)
        connections.put_nowait(Server(reader, writer))

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", connections
    finally:
        while not connections.empty():
            connections.get_nowait().writer.close()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def connected(greeting: bytes = b"") -> AsyncIterator[tuple[WebSocket, Heard, Server]]:
    async with serving(greeting) as (url, connections):
        socket, heard = await connect(url, "media"), Heard()
        server = await connections.get()
        socket.listen(heard.message, heard.message, heard.closed.set_result)
        try:
            yield socket, heard, server
        finally:
            server.writer.close()
            await socket.close()


def go(test: Callable[[], Awaitable[None]]) -> None:
    """On both loops: their transports differ."""

    async def limited() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(limited())
    uvloop.run(limited())


def test_messages_of_every_length_go_both_ways() -> None:
    async def test() -> None:
        async with connected() as (socket, heard, server):
            for length in (0, 1, 125, 126, 640, 65535, 65536):
                content = bytes(one % 251 for one in range(length))
                assert socket.send(content)
                assert await server.read() == (2, content)
                server.say(frame(2, content))
                await heard.until(1)
                assert heard.all.pop() == content
            assert socket.send("¿qué?")
            assert await server.read() == (1, "¿qué?".encode())

    go(test)


def test_what_comes_with_the_answer_is_not_lost() -> None:
    async def test() -> None:
        async with connected(frame(1, b"hello") + frame(2, b"\1\2")[:3]) as (_, heard, server):
            server.say(frame(2, b"\1\2")[3:])
            await heard.until(2)
            assert heard.all == ["hello", b"\1\2"]

    go(test)


def test_however_the_bytes_are_cut_the_same_messages_come_out() -> None:
    async def test() -> None:
        stream = frame(2, bytes(640)) + frame(1, b"a text") + frame(2, bytes(range(200)))
        async with connected() as (_, heard, server):
            for place in range(len(stream)):
                server.say(stream[place : place + 1])
                if place % 7 == 0:
                    await server.writer.drain()
                    await asyncio.sleep(0)
            await heard.until(3)
            assert heard.all == [bytes(640), "a text", bytes(range(200))]

    go(test)


def test_a_text_in_pieces_is_whole_and_a_ping_between_is_answered() -> None:
    async def test() -> None:
        async with connected() as (_, heard, server):
            server.say(frame(1, "né".encode()[:2], last=False), frame(9, b"are you there"), frame(0, "né".encode()[2:]))
            server.say(frame(2, b"12", last=False), frame(0, b"34"))
            assert await server.read() == (10, b"are you there")
            await heard.until(3)
            assert heard.all == ["né", b"12", b"34"]

    go(test)


def test_a_goodbye_is_returned_and_told_once() -> None:
    async def test() -> None:
        async with connected() as (socket, heard, server):
            server.say(frame(8, (1001).to_bytes(2, "big")))
            assert await server.read() == (8, (1001).to_bytes(2, "big"))
            assert "1001" in await heard.closed
            assert not socket.send(b"more")

    go(test)


def test_our_own_goodbye_is_said_and_not_told() -> None:
    async def test() -> None:
        async with connected() as (socket, heard, server):
            closing = asyncio.create_task(socket.close())
            assert await server.read() == (8, (1000).to_bytes(2, "big"))
            server.say(frame(8, (1000).to_bytes(2, "big")))
            await closing
            assert not heard.closed.done()

    go(test)


@pytest.mark.parametrize(
    ("bad", "code"),
    [(b"\x82\x85abcdefghi", 1002), (b"\x82\x7f" + (MAX_MESSAGE_BYTES + 1).to_bytes(8, "big"), 1009)],
    ids=["masked", "too long"],
)
def test_what_no_server_should_send_ends_the_connection(bad: bytes, code: int) -> None:
    async def test() -> None:
        async with connected() as (_, heard, server):
            server.say(bad)
            assert await server.read() == (8, code.to_bytes(2, "big"))
            assert str(code) in await heard.closed

    go(test)


def test_a_listener_that_fails_ends_the_connection_and_is_told_why() -> None:
    async def test() -> None:
        async with connected() as (socket, heard, server):

            def fail(message: bytes) -> None:
                raise ZeroDivisionError

            with quiet("controller.pbx.websocket"):
                socket.listen(fail, heard.message, heard.closed.set_result)
                server.say(frame(2, b"1"))
                assert "ZeroDivisionError" in await heard.closed

    go(test)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: bm8=\r\n\r\n", b"what?\r\n\r\n"],
)
def test_who_is_no_web_socket_is_refused(answer: bytes) -> None:
    async def test() -> None:
        async with serving(answer=answer) as (url, _):
            with pytest.raises(Refused):
                await connect(url, "media")

    go(test)
