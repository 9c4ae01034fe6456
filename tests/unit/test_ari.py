"""The ARI client against a small ARI on loopback: what no real Asterisk does on demand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import PbxError
from controller.pbx import ari as ari_module
from controller.pbx import ari_requests
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import (
    CallStarted,
    ChannelEnded,
    Dtmf,
    Event,
    Held,
    Lost,
    Reconnected,
    Replaced,
    parse,
)
from tests.fakes.small_ari import Seen, client, go, small_ari


def test_events_are_read() -> None:
    channel = {
        "id": "c-1",
        "name": "PJSIP/phone-1",
        "caller": {"name": "", "number": "alice"},
        "dialplan": {"exten": "201"},
    }
    start = {"type": "StasisStart", "args": ["from=en", "to=es", "x"], "channel": channel}
    call = parse(start)
    assert call == CallStarted("c-1", "PJSIP/phone-1", "alice", "201", ("from=en", "to=es", "x"))
    assert isinstance(call, CallStarted) and call.options == {"from": "en", "to": "es"}
    for kind, more, event in (
        ("StasisEnd", {}, ChannelEnded("c-1", None, "left the application")),
        ("ChannelDestroyed", {"cause": 17, "cause_txt": "User busy"}, ChannelEnded("c-1", 17, "User busy")),
        ("ChannelHangupRequest", {"cause": 16}, None),
        ("ChannelDtmfReceived", {"digit": "5", "duration_ms": 120}, Dtmf("c-1", "5", 120)),
        ("ChannelHold", {"musicclass": "default"}, Held("c-1", True)),
        ("ChannelHold", {}, Held("c-1", True)),
        ("ChannelUnhold", {}, Held("c-1", False)),
        ("ChannelVarset", {}, None),
    ):
        assert parse({"type": kind, "channel": channel, **more}) == event
    assert parse({**start, "replace_channel": {"id": "c-0"}}) == Replaced("c-0", "c-1")
    assert parse({"type": "StasisStart"}) is None
    assert parse({}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    kind=st.sampled_from(["StasisStart", "StasisEnd", "ChannelDestroyed", "ChannelDtmfReceived", "ChannelHold"]),
    args=st.lists(st.text(max_size=8), max_size=3),
    more=st.dictionaries(st.sampled_from(["cause", "digit", "duration_ms", "cause_txt"]), JSON, max_size=4),
)
def test_odd_fields_break_nothing(kind: str, args: list[str], more: dict[str, Any]) -> None:
    assert parse({"type": kind, "args": args, "channel": {"id": "c-1"}, **more}) is not None


def test_a_handler_may_wait_for_what_a_later_event_brings() -> None:
    async def test() -> None:
        started: asyncio.Future[CallStarted] = asyncio.get_running_loop().create_future()
        clients: list[AriClient] = []

        async def handler(event: Event) -> None:
            if isinstance(event, CallStarted):
                await clients[0].originate("PJSIP/phone/sip:bob@x", "b-1", originator=event.channel_id)
                started.set_result(await clients[0].started("b-1"))

        async with client(handler) as (ari, server, _):
            clients.append(ari)
            server.answers["POST", "/ari/channels"] = (200, {"id": "b-1"})
            # The callee's start comes before the answer to the request that made it.
            server.before = lambda: server.tell("StasisStart", "b-1", args=["callee"])
            await server.tell("StasisStart", "a-1", args=[])
            assert (await started).args == ("callee",)
            query = next(query for method, path, query in server.asked if method == "POST")
            assert query["app"] == "dragoman" and query["channelId"] == "b-1" and query["originator"] == "a-1"
            assert "callerId" not in query

    go(test())


def test_a_channel_that_ends_instead_of_starting_ends_the_wait_and_is_told_once() -> None:
    async def test() -> None:
        async with client() as (ari, server, seen):
            server.answers["POST", "/ari/channels"] = (200, {"id": "b-1"})
            await ari.originate("PJSIP/phone/sip:bob@x", "b-1")
            await server.tell("ChannelDestroyed", "b-1", cause=17, cause_txt="User busy")
            with pytest.raises(PbxError, match="User busy"):
                await ari.started("b-1")
            await server.tell("StasisEnd", "b-1")
            await server.tell("StasisStart", "z", args=[])
            await seen.until(lambda events: len(events) == 2)
            assert seen.events[0] == ChannelEnded("b-1", 17, "User busy")
            assert isinstance(seen.events[1], CallStarted)

    go(test())


def test_refusals_say_what_and_whether_trying_again_helps() -> None:
    async def test() -> None:
        async with client() as (ari, server, _):
            with pytest.raises(PbxError, match="channels answer c-9: 404 Channel not found") as gone:
                await ari.answer("c-9")
            assert not gone.value.retryable
            server.answers["POST", "/ari/channels/c-9/answer"] = (503, {"message": "shutting down"})
            with pytest.raises(PbxError, match="503") as busy:
                await ari.answer("c-9")
            assert busy.value.retryable
            await ari.hangup("c-9")  # gone is fine
            server.answers["DELETE", "/ari/channels/c-9"] = (412, {"message": "invalid state"})
            with pytest.raises(PbxError, match="412 invalid state"):
                await ari.hangup("c-9")

    go(test())


def test_a_request_without_an_answer_ends_and_takes_back_what_it_may_have_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ari_requests, "REQUEST_S", 0.1)

    async def test() -> None:
        async with client() as (ari, server, _):

            async def never() -> None:
                await asyncio.Event().wait()

            server.before = never
            with pytest.raises(PbxError, match="no answer in time") as late:
                await ari.originate("PJSIP/phone/sip:bob@x", "b-1")
            assert late.value.retryable
            assert ("DELETE", "/ari/channels/b-1") in [asked[:2] for asked in server.asked]

    go(test())


def test_a_media_channel_under_an_id_in_use_is_not_even_asked_for() -> None:
    async def test() -> None:
        async with client() as (ari, server, seen):
            await server.tell("StasisStart", "m-1.a", args=[])
            await seen.until(bool)
            for taken in ("m-1.a", "m-1"):
                with pytest.raises(PbxError, match=r"taken by m-1\.a"):
                    await ari.external_media(taken)
            assert not [asked for asked in server.asked if asked[0] == "POST"]
            made = {"id": "m-1.a.x", "channelvars": {"MEDIA_WEBSOCKET_CONNECTION_ID": "c-1"}}
            server.answers["POST", "/ari/channels/externalMedia"] = (200, made)
            assert await ari.external_media("m-1.a.x") == "c-1"

    go(test())


def test_two_media_channels_of_one_beginning_are_not_made_at_once() -> None:
    async def test() -> None:
        async with client() as (ari, server, _):
            asked, answer = asyncio.Event(), asyncio.Event()

            async def hold() -> None:
                asked.set()
                await answer.wait()

            server.before = hold
            made = {"id": "m-1", "channelvars": {"MEDIA_WEBSOCKET_CONNECTION_ID": "c-1"}}
            server.answers["POST", "/ari/channels/externalMedia"] = (200, made)
            first = asyncio.create_task(ari.external_media("m-1"))
            await asked.wait()
            with pytest.raises(PbxError, match="begins with m-1"):
                await ari.external_media("m-1.b")
            answer.set()
            assert await first == "c-1"
            assert await ari.external_media("m-1.b") == "c-1"

    go(test())


def test_an_asterisk_without_media_sockets_is_said() -> None:
    async def test() -> None:
        async with client() as (ari, server, _):
            server.answers["POST", "/ari/channels/externalMedia"] = (200, {"id": "m-1", "channelvars": {}})
            server.answers["DELETE", "/ari/channels/m-1"] = (204, None)
            with pytest.raises(PbxError, match=r"22\.8 or newer"):
                await ari.external_media("m-1")
            assert server.asked[-1][:2] == ("DELETE", "/ari/channels/m-1")

    go(test())


def test_lost_events_come_back_with_what_there_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ari_module, "FIRST_BACKOFF_S", 0.001)

    async def test() -> None:
        async with client() as (ari, server, seen):
            await server.tell("StasisStart", "a-1", args=[])
            await server.tell("StasisStart", "a-2", args=[])
            await seen.until(lambda events: len(events) == 2)
            server.answers["POST", "/ari/channels"] = (200, {"id": "b-1"})
            await ari.originate("PJSIP/phone/sip:bob@x", "b-1")
            server.answers["GET", "/ari/channels"] = (200, [{"id": "a-2"}, {"id": "b-1"}])
            server.answers["GET", "/ari/bridges"] = (200, [{"id": "bridge"}])
            server.refuse_sockets = 3
            await server.sockets[0].close()
            with pytest.raises(PbxError, match="b-1 cannot be awaited"):
                await ari.started("b-1")
            await seen.until(lambda events: any(isinstance(e, Reconnected) for e in events))
            assert isinstance(seen.events[2], Lost)
            assert seen.events[3:] == [
                ChannelEnded("a-1", None, "ended while events were lost"),
                Reconnected(("a-2", "b-1"), ("bridge",)),
            ]
            assert ari.connected and len(server.sockets) == 2
            await server.tell("StasisEnd", "a-2")
            await seen.until(lambda events: len(events) == 6)

    go(test())


def test_another_subscriber_is_not_quarrelled_with() -> None:
    async def test() -> None:
        async with client() as (ari, server, seen):
            await server.sockets[0].send_json({"type": "ApplicationReplaced", "application": "dragoman"})
            await seen.until(bool)
            assert isinstance(seen.events[0], Lost) and "another program" in seen.events[0].reason
            await server.sockets[0].close()
            await asyncio.sleep(0.05)
            assert len(server.sockets) == 1 and not ari.connected

    go(test())


def test_a_handler_that_fails_is_logged_and_the_next_event_comes(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        seen = Seen()

        async def handler(event: Event) -> None:
            await seen(event)
            if len(seen.events) == 1:
                raise ValueError("a bug")

        async with client(handler) as (_, server, _):
            await server.tell("StasisStart", "a-1", args=[])
            await server.tell("StasisStart", "a-2", args=[])
            await seen.until(lambda events: len(events) == 2)
            await asyncio.sleep(0)

    go(test())
    assert "a bug" in caplog.text


def test_connecting_to_nothing_or_to_something_else_is_one_sentence() -> None:
    async def test() -> None:
        seen = Seen()
        with pytest.raises(PbxError, match="cannot be reached"):
            await AriClient.connect("http://127.0.0.1:9/", "u", "p", "dragoman", seen)
        async with small_ari() as (server, url):
            server.refuse_sockets = 1
            with pytest.raises(PbxError, match="refused the connection: 503"):
                await AriClient.connect(url, "u", "p", "dragoman", seen)
            server.documented = False
            with pytest.raises(PbxError, match="does not speak ARI"):
                await AriClient.connect(url, "u", "p", "dragoman", seen)

    go(test())


def test_leaving_cancels_handlers_and_ends_waits() -> None:
    async def test() -> None:
        cancelled = asyncio.Event()
        entered = asyncio.Event()

        async def handler(event: Event) -> None:
            try:
                entered.set()
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        async with client(handler) as (_, server, _):
            await server.tell("StasisStart", "a-1", args=[])
            await entered.wait()
        assert cancelled.is_set()

    go(test())
