"""The media socket against a peer on loopback that speaks like chan_websocket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, cast

import aiohttp
import numpy as np
import uvloop
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from controller.frames import FRAME_BYTES, FRAME_SAMPLES, SILENCE, Pcm
from controller.pbx.media import (
    Framer,
    MarkReached,
    MediaDigit,
    MediaEvent,
    MediaSocket,
    MediaStarted,
    QueueStatus,
    parse_event,
)
from controller.pbx.websocket import connect
from tests.fakes.fake_media import fill, keep_pace


def numbered(index: int) -> Pcm:
    return np.full(FRAME_SAMPLES, index, np.int16)


# Framing


@given(frames=st.integers(0, 6), cuts=st.lists(st.integers(0, 6 * FRAME_SAMPLES), max_size=8))
def test_however_a_stream_is_split_the_same_frames_come_out(frames: int, cuts: list[int]) -> None:
    stream = np.arange(frames * FRAME_SAMPLES, dtype=np.int16)
    data = stream.astype("<i2").tobytes()
    edges = [0, *sorted(min(2 * cut, len(data)) for cut in cuts), len(data)]
    framer = Framer()
    got = [frame for a, b in pairwise(edges) for frame in framer.push(data[a:b])]
    assert all(frame.shape == (FRAME_SAMPLES,) and frame.dtype == np.int16 for frame in got)
    assert np.array_equal(np.concatenate([*got, np.zeros(0, np.int16)]), stream)
    assert (framer.waiting, framer.bytes_odd) == (0, 0)


@given(lengths=st.lists(st.integers(0, 3 * FRAME_BYTES), max_size=10))
def test_half_samples_are_dropped_and_every_byte_is_accounted_for(lengths: list[int]) -> None:
    framer = Framer()
    frames = sum(len(framer.push(bytes(length))) for length in lengths)
    assert framer.bytes_odd == sum(length % 2 for length in lengths)
    assert sum(lengths) == frames * FRAME_BYTES + framer.waiting + framer.bytes_odd
    assert framer.waiting < FRAME_BYTES


def test_a_half_sample_does_not_turn_what_follows_into_noise() -> None:
    framer = Framer()
    one = numbered(258).tobytes()  # both bytes differ from their neighbours' when shifted
    assert len(framer.push(one + b"\x7f")) == 1
    (frame,) = framer.push(one)
    assert np.array_equal(frame, numbered(258))


# Events


def test_events_are_read() -> None:
    start = {"event": "MEDIA_START", "channel_id": "m-1", "format": "slin16", "optimal_frame_size": 640}
    for said, event in (
        (start, MediaStarted("m-1", "slin16", 640)),
        ({"event": "MEDIA_MARK_PROCESSED", "correlation_id": "c-1"}, MarkReached("c-1")),
        ({"event": "STATUS", "queue_length": 4, "queue_full": False}, QueueStatus(4, False)),
        ({"event": "DTMF_END", "digit": "7"}, MediaDigit("7")),
        ({"event": "MEDIA_XOFF"}, None),
        ({"event": "SOMETHING_NEW"}, None),
        ({"event": "ERROR", "error_text": "no"}, None),
        ({"event": "STATUS", "queue_length": "?"}, QueueStatus(0, False)),
        ([1, 2], None),
    ):
        assert parse_event(json.dumps(said)) == event
    assert parse_event("MEDIA_START connection_id:x") is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    parse_event(text)


# The socket


class Peer:
    """Asterisk's end: records what it gets; a test sends through `socket`."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.order: list[str] = []
        self.changed = asyncio.Event()
        self.connected: asyncio.Future[web.WebSocketResponse] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.ReadTransport | None = None

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["media"])
        await socket.prepare(request)
        self.transport = cast(asyncio.ReadTransport, request.transport)  # uvloop's is none by its class
        self.connected.set_result(socket)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.frames.append(message.data)
                self.order.append("frame")
            else:
                said = json.loads(message.data)
                self.order.append(said["command"] + said.get("correlation_id", ""))
            self.changed.set()
        return socket

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.changed.clear()
            await self.changed.wait()


class Ours:
    def __init__(self) -> None:
        self.frames: list[Pcm] = []
        self.events: list[MediaEvent] = []
        self.closed: list[str] = []
        self.changed = asyncio.Event()

    def on_frame(self, pcm: Pcm) -> None:
        self.frames.append(pcm)
        self.changed.set()

    def on_event(self, event: MediaEvent) -> None:
        self.events.append(event)
        self.changed.set()

    def on_closed(self, reason: str) -> None:
        self.closed.append(reason)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[MediaSocket, Ours, Peer]]:
    peer, ours = Peer(), Ours()
    app = web.Application()
    app.router.add_get("/", peer.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # so that one that does not read is soon full
    listener.bind(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    port = runner.addresses[0][1]
    try:
        opened = await connect(f"http://127.0.0.1:{port}/", "media")
        media = MediaSocket(opened, "m-1", on_frame=ours.on_frame, on_event=ours.on_event, on_closed=ours.on_closed)
        await peer.connected
        try:
            yield media, ours, peer
        finally:
            await media.close()
    finally:
        await runner.cleanup()


def go(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """On the loop of the tests and on the one that `serve` runs: their transports differ."""
    asyncio.run(asyncio.wait_for(test(), 20))
    uvloop.run(asyncio.wait_for(test(), 20))


def test_frames_and_commands_leave_in_order() -> None:
    async def test() -> None:
        async with connected() as (media, _, peer):
            assert media.send(numbered(1)) and media.mark("a") and media.send(numbered(2))
            assert media.request_status() and media.send(numbered(3)) and media.mark("b")
            await peer.until(lambda: len(peer.order) == 6)
            assert peer.order == ["frame", "MARK_MEDIAa", "frame", "GET_STATUS", "frame", "MARK_MEDIAb"]
            assert [frame[:2] for frame in peer.frames] == [b"\x01\x00", b"\x02\x00", b"\x03\x00"]
            assert {len(frame) for frame in peer.frames} == {FRAME_BYTES}
            assert media.counts.frames_out == 3

    go(test)


def test_flush_follows_what_was_sent_before_it() -> None:
    async def test() -> None:
        async with connected() as (media, _, peer):
            assert media.send(numbered(1)) and media.mark("a") and media.flush() and media.send(numbered(2))
            await peer.until(lambda: len(peer.order) == 4)
            assert peer.order == ["frame", "MARK_MEDIAa", "FLUSH_MEDIA", "frame"]

    go(test)


def test_a_peer_that_does_not_read_makes_frames_drop_and_nobody_wait() -> None:
    async def test() -> None:
        async with connected() as (media, _, peer):
            assert peer.transport is not None
            peer.transport.pause_reading()
            sent = 0
            while media.counts.dropped_full == 0:  # every buffer on the way fills first
                sent += media.send(SILENCE)
                await asyncio.sleep(0)
                assert sent < 100_000
            assert media.counts.dropped_full == 1
            assert media.mark("a")
            marks = 1
            while media.mark("a"):
                marks += 1
            assert marks < 1000
            await media.close()  # does not wait for the other side either
            peer.transport.resume_reading()
            assert sent < 40, sent  # the kernels alone would take 6400 by default, and aiohttp 100 to 400 more

    go(test)


def test_a_stalled_one_costs_its_own_leg_alone() -> None:
    async def test() -> None:
        async with connected() as (stalled, _, silent), connected() as (well, _, peer):
            assert silent.transport is not None
            silent.transport.pause_reading()
            await fill(stalled, lambda: stalled.send(SILENCE))
            await keep_pace(stalled, well)
            await peer.until(lambda: len(peer.frames) == 25)
            assert well.counts.dropped_full == 0
            silent.transport.resume_reading()

    go(test)


def test_what_arrives_is_delivered_in_frames_and_events() -> None:
    async def test() -> None:
        async with connected() as (media, ours, peer):
            socket = await peer.connected
            await socket.send_str(json.dumps({"event": "STATUS", "queue_length": 2}))
            await socket.send_bytes(numbered(1).tobytes() + numbered(2).tobytes()[:100])
            await socket.send_bytes(numbered(2).tobytes()[100:] + b"\x00")
            await socket.send_str("not JSON")
            await socket.send_bytes(bytes(6))
            await ours.until(lambda: len(ours.frames) == 2)
            assert [int(frame[0]) for frame in ours.frames] == [1, 2]
            assert ours.events == [QueueStatus(2, False)]
            await socket.close()
            await ours.until(lambda: bool(ours.closed))
            assert (media.counts.frames_in, media.counts.bytes_odd) == (2, 1 + 6)

    go(test)


def test_the_other_side_closing_is_told_once_and_nothing_is_sent_after() -> None:
    async def test() -> None:
        async with connected() as (media, ours, peer):
            await (await peer.connected).close(code=1000)
            await ours.until(lambda: bool(ours.closed))
            assert media.closed
            assert not media.send(SILENCE) and not media.mark("a")
            assert not media.flush() and not media.request_status()
            assert media.counts.dropped_full == 1
            await media.close()
            assert len(ours.closed) == 1 and "1000" in ours.closed[0]

    go(test)


def test_our_own_closing_is_not_told() -> None:
    async def test() -> None:
        async with connected() as (media, ours, _):
            await media.close()
            await media.close()
            assert media.closed and ours.closed == []

    go(test)


def test_a_listener_that_fails_ends_the_channel_and_says_so() -> None:
    async def test() -> None:
        async with connected() as (media, ours, peer):

            def fail(pcm: Pcm) -> None:
                raise ZeroDivisionError

            media._on_frame = fail
            await (await peer.connected).send_bytes(SILENCE.tobytes())
            await ours.until(lambda: bool(ours.closed))
            assert "ZeroDivisionError" in ours.closed[0]

    go(test)
