"""AudioSocket against a peer on loopback that speaks like Asterisk."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, cast
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import PbxError
from controller.frames import FRAME_BYTES, FRAME_S, FRAME_SAMPLES, SILENCE, Pcm
from controller.pbx import audiosocket
from controller.pbx.ari import AriClient
from controller.pbx.audiosocket import AudioSocket, AudioSocketServer, Kind, Messages, message
from controller.pbx.media import QUEUE_FRAMES, MarkReached, MediaDigit, MediaEvent, QueueStatus
from tests.fakes.fake_media import FakeAri, fill, keep_pace


def numbered(index: int) -> Pcm:
    return np.full(FRAME_SAMPLES, index, np.int16)


@given(
    said=st.lists(st.tuples(st.sampled_from(list(Kind)), st.binary(max_size=700)), max_size=6),
    cuts=st.lists(st.integers(0, 5000), max_size=8),
)
def test_however_a_stream_is_split_the_same_messages_come_out(said: list[tuple[Kind, bytes]], cuts: list[int]) -> None:
    data = b"".join(message(kind, payload) for kind, payload in said)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    messages = Messages()
    assert [one for a, b in pairwise(edges) for one in messages.push(data[a:b])] == said


class Peer:
    """Asterisk's end of one channel: keeps what it gets, with the time, unless told not to read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.frames: list[bytes] = []
        self.at: list[float] = []
        self.hung_up = False
        self.closed = asyncio.Event()
        self.changed = asyncio.Event()
        self.reading = asyncio.Event()
        self.reading.set()
        self._reader = reader
        self._task = asyncio.create_task(self._read())

    def say(self, kind: int, payload: bytes = b"") -> None:
        self.writer.write(bytes((kind,)) + len(payload).to_bytes(2, "big") + payload)

    async def _read(self) -> None:
        messages = Messages()
        while True:
            await self.reading.wait()
            try:
                data = await self._reader.read(4096)
            except ConnectionError:
                data = b""
            if not data:
                self.closed.set()
                return
            for kind, payload in messages.push(data):
                self.hung_up = self.hung_up or kind == Kind.HANGUP
                if kind == Kind.SLIN16:
                    self.frames.append(payload)
                    self.at.append(asyncio.get_running_loop().time())
            self.changed.set()

    async def until(self, count: int) -> None:
        while len(self.frames) < count:
            self.changed.clear()
            await self.changed.wait()

    async def leave(self) -> None:
        self._task.cancel()
        self.writer.close()
        await asyncio.wait([self._task])


class Asterisk(FakeAri):
    """Connects to where it is told, as `name` or as the one it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.peers: list[Peer] = []
        self.name: bytes | None = None
        self.connects = True

    async def connect(self, address: str) -> Peer:
        host, port = address.split(":")
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # so that one that does not read is soon full
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, (host, int(port)))
        self.peers.append(Peer(*await asyncio.open_connection(sock=raw)))
        return self.peers[-1]

    async def external_audiosocket(self, channel_id: str, address: str, name: str) -> None:
        self.asked.append(("external_audiosocket", channel_id))
        if self.connects:
            (await self.connect(address)).say(Kind.ID, self.name or UUID(name).bytes)

    def forget(self, channel_id: str) -> None:
        self.asked.append(("forget", channel_id))


class Ours:
    """What one channel's listeners are told."""

    def __init__(self) -> None:
        self.frames: list[Pcm] = []
        self.events: list[MediaEvent] = []
        self.closed: list[str] = []

    async def open(self, server: AudioSocketServer, channel_id: str = "m-1", timeout_s: float = 3.0) -> AudioSocket:
        return await server.open(
            channel_id,
            on_frame=self.frames.append,
            on_event=self.events.append,
            on_closed=self.closed.append,
            timeout_s=timeout_s,
        )


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[AudioSocketServer, Asterisk]]:
    asterisk = Asterisk()
    server = AudioSocketServer(cast(AriClient, asterisk))
    await server.start("127.0.0.1", 0)
    try:
        yield server, asterisk
    finally:
        for peer in asterisk.peers:
            await peer.leave()
        await server.close()


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[AudioSocket, Ours, Peer]]:
    async with listening() as (server, asterisk):
        ours = Ours()
        media = await ours.open(server)
        yield media, ours, asterisk.peers[0]
        await media.close()


def go(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.002)


def test_what_arrives_is_delivered_in_frames_and_keys() -> None:
    async def test() -> None:
        async with connected() as (media, ours, peer):
            both = numbered(1).tobytes() + numbered(2).tobytes()
            peer.say(Kind.SLIN16, both[: FRAME_BYTES + 100])
            peer.say(Kind.DTMF, b"7")
            peer.say(0x77, b"from a later version")
            peer.say(Kind.SLIN16, both[FRAME_BYTES + 100 :] + bytes(6))
            await until(lambda: len(ours.frames) == 2)
            assert [int(frame[0]) for frame in ours.frames] == [1, 2]
            assert ours.events == [MediaDigit("7")]
            assert (media.counts.frames_in, media.counts.bytes_odd) == (2, 0)
            peer.say(Kind.HANGUP)
            await until(lambda: bool(ours.closed))
            assert ours.closed == ["Asterisk hung up"] and media.closed
            assert not media.send(SILENCE) and not media.mark("a") and not media.flush() and not media.request_status()
            await media.close()
            assert (media.counts.bytes_odd, len(ours.closed)) == (6, 1)

    go(test())


def test_audio_at_another_rate_ends_the_channel_with_a_sentence() -> None:
    """It was left out: the call was up, and silent."""

    async def test() -> None:
        async with connected() as (_, ours, peer):
            peer.say(0x7F)  # whatever that is
            peer.say(0x13, bytes(960))
            await until(lambda: bool(ours.closed))
            assert ours.closed == ["Asterisk sends audio at another rate: 24 kHz where 16 kHz was asked for"]

    go(test())


@pytest.mark.parametrize("how", ["an error", "a dropped connection"])
def test_the_other_sides_end_is_told_once(how: str) -> None:
    async def test() -> None:
        async with connected() as (_, ours, peer):
            if how == "an error":
                peer.say(Kind.ERROR, b"\x04")
            else:
                peer.writer.transport.abort()
            await until(lambda: bool(ours.closed))
            await asyncio.sleep(0.01)
            (reason,) = ours.closed
            assert "error 04" in reason if how == "an error" else "closed it" in reason

    go(test())


def test_our_own_closing_hangs_up_and_is_not_told() -> None:
    async def test() -> None:
        async with connected() as (media, ours, peer):
            await media.close()
            await media.close()
            await peer.closed.wait()
            assert peer.hung_up and ours.closed == []

    go(test())


def test_a_burst_is_paced_and_what_does_not_fit_is_dropped() -> None:
    async def test() -> None:
        async with connected() as (media, _, peer):
            began = asyncio.get_running_loop().time()
            taken = [media.send(numbered(n)) for n in range(QUEUE_FRAMES + 3)]
            assert taken == [True] * (QUEUE_FRAMES + 1) + [False] * 2, "the first has left at once"
            assert media.counts.dropped_full == 2
            await peer.until(QUEUE_FRAMES + 1)
            assert [frame[0] for frame in peer.frames] == list(range(QUEUE_FRAMES + 1))
            assert peer.at[-1] - began >= QUEUE_FRAMES * FRAME_S

    go(test())


def test_frames_in_time_leave_at_once_also_when_a_tick_is_a_little_early() -> None:
    async def test() -> None:
        async with connected() as (media, _, peer):
            for count in range(10):
                assert media.send(SILENCE)
                assert media.counts.frames_out == count + 1
                await asyncio.sleep(FRAME_S * 0.9 if count % 2 else FRAME_S * 1.2)
            await peer.until(10)

    go(test())


def test_a_mark_is_reached_after_the_frames_before_it_and_never_at_once() -> None:
    async def test() -> None:
        async with connected() as (media, ours, _):
            assert media.mark("first") and ours.events == [], "the one who asks is not told while it asks"
            await asyncio.sleep(0)
            assert ours.events == [MarkReached("first")]
            for n in range(3):
                media.send(numbered(n))
            assert media.mark("last") and media.request_status()
            await until(lambda: len(ours.events) == 2)
            assert ours.events[1] == QueueStatus(2, False) and media.counts.frames_out == 1
            await until(lambda: len(ours.events) == 3)
            assert ours.events[2] == MarkReached("last") and media.counts.frames_out == 3

    go(test())


def test_flush_takes_back_what_has_not_left_with_its_marks() -> None:
    async def test() -> None:
        async with connected() as (media, ours, peer):
            for n in range(3):
                media.send(numbered(n))
            media.mark("never")
            assert media.flush() and media.counts.dropped_flushed == 2
            assert media.send(numbered(9))
            await peer.until(2)
            assert [frame[0] for frame in peer.frames] == [0, 9]
            assert MarkReached("never") not in ours.events

    go(test())


def test_a_stalled_one_costs_its_own_leg_alone() -> None:
    async def test() -> None:
        async with listening() as (server, asterisk):
            stalled, well = await Ours().open(server, "m-1"), await Ours().open(server, "m-2")
            asterisk.peers[0].reading.clear()
            asterisk.peers[0].writer.transport.pause_reading()  # type: ignore[attr-defined]

            def send_now() -> bool:
                stalled._due = 0.0  # past its pacer
                return stalled.send(SILENCE)

            await fill(stalled, send_now)
            await keep_pace(stalled, well)
            await asterisk.peers[1].until(25)
            assert well.counts.dropped_full == 0
            await stalled.close()  # does not wait for the other side either
            await well.close()

    go(test())


def test_whoever_is_not_expected_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiosocket, "NAME_S", 0.05)

    async def test() -> None:
        async with listening() as (server, asterisk):
            for kind, payload in ((Kind.ID, uuid4().bytes), (Kind.ID, b"short"), (Kind.SLIN16, bytes(640))):
                peer = await asterisk.connect(server.address)
                peer.say(kind, payload)
                await peer.closed.wait()
            await (await asterisk.connect(server.address)).closed.wait()  # says nothing
            asterisk.name = uuid4().bytes
            with pytest.raises(PbxError, match="was not up within"):
                await Ours().open(server, timeout_s=0.1)
            assert ("hangup", "m-1") in asterisk.asked and ("forget", "m-1") in asterisk.asked
            asterisk.name = None
            media = await Ours().open(server, "m-2")
            again = await asterisk.connect(server.address)
            again.say(Kind.ID, uuid4().bytes)
            await again.closed.wait()
            assert not media.closed
            await media.close()

    go(test())


def test_an_asterisk_that_does_not_come_is_not_waited_for() -> None:
    async def test() -> None:
        async with listening() as (server, asterisk):
            asterisk.connects = False
            with pytest.raises(PbxError, match="was not up within"):
                await Ours().open(server, timeout_s=0.1)
            with pytest.raises(PbxError, match="cannot listen"):
                await AudioSocketServer(cast(AriClient, asterisk)).start("127.0.0.1", int(server.address.split(":")[1]))

    go(test())


def test_a_listener_that_fails_costs_this_channel_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with connected() as (media, ours, peer):

            def fail(pcm: Pcm) -> None:
                raise ZeroDivisionError

            media._on_frame = fail
            peer.say(Kind.SLIN16, SILENCE.tobytes())
            await until(lambda: bool(ours.closed))
            assert "ZeroDivisionError" in ours.closed[0]

    go(test())
