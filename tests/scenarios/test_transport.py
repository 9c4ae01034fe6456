"""Audio and events between soft phones and the controller's sockets, through a real Asterisk.

No languages here: what one phone says is passed on to the other as it is.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from controller.errors import PbxError, StackError
from controller.frames import SILENCE
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import (
    Dtmf,
    Lost,
    Reconnected,
)
from controller.pbx.media import MarkReached, MediaDigit, QueueStatus, open_media
from controller.stack import reaper
from controller.stack.asterisk import AsteriskServer
from controller.stack.phone import SoftPhone
from controller.stack.process import Run
from tests.fakes.sounds import RATE, likeness, speech_like
from tests.scenarios.transport import (
    EXTENSIONS,
    Leg,
    Watcher,
    application,
    go,
    off,
    two_parties,
)


@pytest.mark.parametrize("media", ["websocket", "audiosocket"])
def test_each_hears_the_other_and_not_oneself(asterisk: AsteriskServer, run: Run, media: str) -> None:
    said_a, said_b = speech_like(3, seed=1), speech_like(3, seed=2)

    async def scenario(a: SoftPhone, b: SoftPhone) -> None:
        async with application(asterisk, media) as bench:
            caller, leg_a, callee, leg_b = await two_parties(bench, asterisk, a, b)
            await off(a.wait_ended, 15.0)  # it hangs up when its recording ends
            assert (await bench.ended(caller)).channel_id == caller
            await bench.clear(caller, leg_a)
            await bench.clear(callee, leg_b)
            await off(b.wait_ended)
            await bench.empty()
            for leg in (leg_a, leg_b):
                assert leg.media is not None
                assert leg.media.counts.frames_in > 100
                assert leg.media.counts.bytes_odd == 0
                assert not leg.closed.done()  # it was us who closed it

    with (
        SoftPhone(run, "alice", said_a, seconds=4) as a,
        SoftPhone(run, "bob", said_b, seconds=8, auto_answer=True) as b,
    ):
        go(scenario(a, b))
        assert likeness(said_a[: 2 * RATE], b.heard()) > 0.95
        assert likeness(said_b[: 2 * RATE], a.heard()) > 0.95
        assert likeness(said_a, a.heard()) < 0.4
        assert likeness(said_b, b.heard()) < 0.4
    assert asterisk.channels() == [] and asterisk.bridges() == []


def test_the_called_party_hangs_up(asterisk: AsteriskServer, run: Run) -> None:
    async def scenario(a: SoftPhone, b: SoftPhone) -> None:
        async with application(asterisk) as bench:
            caller, leg_a, callee, leg_b = await two_parties(bench, asterisk, a, b)
            await off(b.hang_up)
            await bench.ended(callee)
            assert caller in await bench.ari.channels()
            await bench.clear(callee, leg_b)
            await bench.clear(caller, leg_a)
            await off(a.wait_ended)
            await bench.empty()

    with (
        SoftPhone(run, "alice", speech_like(1, seed=1), seconds=20) as a,
        SoftPhone(run, "bob", speech_like(1, seed=2), seconds=20, auto_answer=True) as b,
    ):
        go(scenario(a, b))


def test_the_call_says_what_the_dialplan_knows(asterisk: AsteriskServer, run: Run) -> None:
    async def scenario(a: SoftPhone) -> None:
        async with application(asterisk) as bench:
            await off(a.dial, asterisk.sip_uri("234"))
            call = await bench.incoming()
            assert (call.caller, call.extension) == ("alice", "234")
            assert call.options == {"from": "en", "to": "es", "dial": "PJSIP/phone/sip:bob@127.0.0.1:9"}
            await bench.ari.ring(call.channel_id)
            await bench.ari.hangup(call.channel_id, "busy")
            await off(a.wait_ended)
            await bench.empty()

    with SoftPhone(run, "alice", speech_like(1, seed=1), seconds=5) as a:
        go(scenario(a))
        assert "486" in a.log


def test_without_an_application_another_server_may_be_tried(asterisk: AsteriskServer, run: Run) -> None:
    with SoftPhone(run, "alice", speech_like(1, seed=1), seconds=5) as a:
        a.dial(asterisk.sip_uri("201"))
        a.wait_ended()
        assert "503 Service Unavailable" in a.log
    assert asterisk.channels() == []


def test_marks_status_flush_and_keys(asterisk: AsteriskServer, run: Run) -> None:
    async def scenario(a: SoftPhone) -> None:
        async with application(asterisk) as bench:
            await off(a.dial, asterisk.sip_uri("201"))
            caller = (await bench.incoming()).channel_id
            await bench.ari.answer(caller)
            leg = await bench.leg(caller)
            media = leg.media
            assert media is not None

            assert media.send(SILENCE) and media.mark("first")
            await until(lambda: MarkReached("first") in leg.events)

            for _ in range(100):  # 2 s ahead: it is still there when the status is asked for
                while not media.send(SILENCE):
                    await asyncio.sleep(0)
            assert media.mark("never") and media.request_status()
            await until(lambda: any(isinstance(e, QueueStatus) for e in leg.events))
            assert max(e.frames for e in leg.events if isinstance(e, QueueStatus)) > 50

            leg.events.clear()
            assert media.flush() and media.request_status()
            await until(lambda: any(isinstance(e, QueueStatus) for e in leg.events))
            assert [e.frames for e in leg.events if isinstance(e, QueueStatus)] == [0]
            assert MarkReached("never") not in leg.events

            await off(a.press, "7")
            key = await bench.events.until(lambda e: isinstance(e, Dtmf))
            assert isinstance(key, Dtmf) and (key.channel_id, key.digit) == (caller, "7")
            assert caller in await bench.ari.members(f"b-{caller}")
            await bench.clear(caller, leg)
            await bench.empty()

    with SoftPhone(run, "alice", speech_like(1, seed=1), seconds=20) as a:
        go(scenario(a))


def test_audiosocket_tells_keys_and_ends_with_its_channel(asterisk: AsteriskServer, run: Run) -> None:
    async def scenario(a: SoftPhone) -> None:
        async with application(asterisk, "audiosocket") as bench:
            await off(a.dial, asterisk.sip_uri("201"))
            caller = (await bench.incoming()).channel_id
            await bench.ari.answer(caller)
            leg = await bench.leg(caller)
            assert leg.media is not None
            await off(a.press, "7")
            await until(lambda: MediaDigit("7") in leg.events)
            assert leg.media.send(SILENCE) and leg.media.mark("written")
            await until(lambda: MarkReached("written") in leg.events)
            await bench.ari.hangup(leg.media.channel_id)
            await leg.closed
            assert leg.media.closed and not leg.media.send(SILENCE)
            await bench.clear(caller, leg)
            await bench.empty()

    with SoftPhone(run, "alice", speech_like(1, seed=1), seconds=20) as a:
        go(scenario(a))


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_whoever_cannot_be_reached_is_an_error_and_leaves_nothing(asterisk: AsteriskServer, run: Run) -> None:
    async def scenario(b: SoftPhone) -> None:
        async with application(asterisk) as bench:
            await bench.ari.originate(f"PJSIP/phone/{b.uri}", "callee-1", timeout_s=10)
            await off(b.wait_ringing)
            await off(b.hang_up)
            await off(b.wait_ended)
            with pytest.raises(PbxError, match="callee-1"):
                await bench.ari.started("callee-1")
            assert (await bench.ended("callee-1")).cause == 17  # busy, as the phone said
            with pytest.raises(PbxError, match="refused"):
                await bench.ari.originate("NoSuchThing/x", "callee-2")
            with pytest.raises(PbxError, match="make the channel first"):
                await bench.ari.started("callee-2")
            with pytest.raises(PbxError, match="404"):
                await bench.ari.answer("callee-3")
            await bench.ari.hangup("callee-3")
            await bench.ari.destroy_bridge("no-such-bridge")
            await bench.empty()

    with SoftPhone(run, "bob", speech_like(1, seed=1), seconds=5) as b:
        go(scenario(b))


@contextmanager
def deaf(ari: AriClient) -> Iterator[Any]:
    """An Asterisk that makes media channels, and takes connections, and then says nothing on them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        parts = {name: getattr(ari, name) for name in ("external_media", "started", "forget", "hangup")}
        yield SimpleNamespace(url=f"http://127.0.0.1:{server.getsockname()[1]}/", **parts)


def test_a_media_channel_that_does_not_come_about_leaves_nothing(asterisk: AsteriskServer) -> None:
    async def scenario() -> None:
        async with application(asterisk) as bench:
            first = Leg()
            media = await first.open(bench.opener, "m-1")
            for taken in ("m-1", "m"):  # Asterisk takes the beginning of an id for the id, and would die of it
                with pytest.raises(PbxError, match="is taken by m-1"):
                    await Leg().open(bench.opener, taken)
            assert await bench.ari.channels() == ["m-1"]  # it lives on
            assert not media.closed
            with deaf(bench.ari) as ari, pytest.raises(PbxError, match="was not up within"):
                await Leg().open(partial(open_media, ari, timeout_s=0.2), "m-2")
            while await bench.ari.channels() != ["m-1"]:  # hung up, it goes a moment later
                await asyncio.sleep(0.02)
            await bench.ari.hangup("m-1")
            assert "closed by the other side" in await first.closed
            assert not media.send(SILENCE) and not media.mark("x") and not media.flush()
            await media.close()
            await bench.empty()

    go(scenario())


def test_asterisk_is_killed_and_comes_back(run: Run) -> None:
    async def scenario(server: AsteriskServer, a: SoftPhone) -> None:
        async with application(server) as bench:
            await off(a.dial, server.sip_uri("201"))
            caller = (await bench.incoming()).channel_id
            await bench.ari.answer(caller)
            leg = await bench.leg(caller)
            await off(server.kill)
            await leg.closed
            await bench.events.until(lambda e: isinstance(e, Lost))
            assert not bench.ari.connected
            with pytest.raises(PbxError, match="cannot be reached"):
                await bench.ari.channels()
            with pytest.raises(PbxError, match="cannot be reached"):
                await AriClient.connect(server.ari_url, "dragoman", "x", "dragoman", Watcher())
            assert leg.media is not None
            await leg.media.close()

            await off(server.start)
            back = await bench.events.until(lambda e: isinstance(e, Reconnected))
            assert back == Reconnected((), ())
            await bench.ended(caller)
            assert bench.ari.connected
            with pytest.raises(PbxError, match="401"):
                await AriClient.connect(server.ari_url, "dragoman", "wrong", "dragoman", Watcher())

    with (
        AsteriskServer(run, extensions=EXTENSIONS) as server,
        SoftPhone(run, "alice", speech_like(1, seed=1), seconds=20) as a,
    ):
        go(scenario(server, a))


def test_a_phone_that_vanishes_is_hung_up(run: Run) -> None:
    with (
        AsteriskServer(run, rtp_timeout_s=1) as server,
        SoftPhone(run, "alice", speech_like(1, seed=1), seconds=20) as a,
    ):
        a.dial(server.sip_uri("100"))
        a.wait_established()
        assert len(server.channels()) == 1
        a.kill()

        async def scenario() -> None:
            await until(lambda: not server.channels())

        go(scenario())


def test_a_phone_tells_its_calls_apart(run: Run) -> None:
    with (
        AsteriskServer(run) as server,
        SoftPhone(run, "alice", speech_like(1, seed=1), seconds=1.5) as a,
    ):
        a.dial(server.sip_uri("100"))
        a.wait_established(call=1)
        assert a.in_call
        a.hang_up()
        a.wait_ended(call=1)
        a.dial(server.sip_uri("999"))
        with pytest.raises(StackError, match="refused"):
            a.wait_established(call=2)
        assert not a.in_call
        a.dial(server.sip_uri("100"))
        a.wait_established(call=3)
        a.wait_ended(call=3)  # the recording is over
        assert likeness(a.said()[:RATE], a.heard()) > 0.95  # an echo
        with pytest.raises(StackError, match="was not connected within"):
            a.wait_established(0.1, call=4)


def test_a_missing_program_is_said(run: Run, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="make setup"):
        AsteriskServer(run, binary=tmp_path / "asterisk").start()
    with pytest.raises(StackError, match="make setup"):
        SoftPhone(run, "alice", SILENCE, binary=tmp_path / "baresip").start()


@pytest.mark.parametrize(("which", "kind"), [("http_port", socket.SOCK_STREAM), ("sip_port", socket.SOCK_DGRAM)])
def test_a_port_in_use_is_said(run: Run, which: str, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        wanted: Any = {which: port}
        with pytest.raises(StackError, match=rf"{port}: the port is in use"):
            AsteriskServer(run, **wanted).start()


def test_a_module_that_does_not_load_is_said(run: Run, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"without a part of it|ended while it started"):
        AsteriskServer(run, modules=tmp_path).start()


def test_no_process_and_no_file_is_left(have_asterisk: None) -> None:
    with Run() as run, AsteriskServer(run) as server, SoftPhone(run, "alice", SILENCE) as phone:
        pids = {server.pid, phone.pid}
        assert pids <= set(reaper.marked(run.mark))
        mark, scratch = run.mark, run.scratch
    assert reaper.marked(mark) == []
    assert not scratch.exists()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
