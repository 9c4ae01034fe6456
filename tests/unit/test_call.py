"""A call of two: what its parties' channels tell, and what the other's phone is told of it."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from controller.errors import PbxError
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import ChannelEnded, Dtmf, Held
from controller.pbx.call import Dialled
from controller.virtual_time import run
from tests.fakes.fake_media import FakeAri, FakeLeg, FakeOpener


def dialled() -> tuple[Dialled, FakeAri, FakeOpener, dict[str, FakeLeg]]:
    ari, opener = FakeAri(), FakeOpener()
    legs = {"a": FakeLeg(), "b": FakeLeg()}
    return Dialled(cast(AriClient, ari), opener, "c", "phone-a"), ari, opener, legs


def test_both_are_opened_at_the_same_time() -> None:
    async def main() -> None:
        call, ari, opener, _ = dialled()
        opener.takes_s = 1
        began = asyncio.get_running_loop().time()
        await call.connect("PJSIP/bob", 30)
        assert asyncio.get_running_loop().time() - began == pytest.approx(1)
        await call.clean_up()
        assert ari.asked[:3] == [
            ("ring", "phone-a"),
            ("originate", "PJSIP/bob", "dgm.c.b"),
            ("started", "dgm.c.b", "32"),
        ]

    run(main())


def test_one_that_fails_ends_the_others_opening() -> None:
    async def main() -> None:
        call, _, opener, _ = dialled()
        opener.takes_s, opener.failures = 1, 1
        with pytest.raises(PbxError, match="told to fail"):
            await call.connect("PJSIP/bob", 30)
        await call.clean_up()
        assert all(media.closed for media in opener.opened)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_a_hang_up_while_it_is_connected_gives_it_up() -> None:
    async def main() -> None:
        call, ari, opener, _ = dialled()
        opener.takes_s = 10
        connecting = asyncio.create_task(call.connect("PJSIP/bob", 30))
        await asyncio.sleep(1)
        await call.tell(ChannelEnded("dgm.c.b", 17, "User busy"))
        with pytest.raises(PbxError, match="User busy"):
            await connecting
        await call.clean_up()
        assert ("hangup", "phone-a", "busy") in ari.asked, "the caller is told as it is"
        assert call.ended.result().by == "b"

    run(main())


def test_keys_and_hold_of_one_reach_the_other_and_not_oneself() -> None:
    async def main() -> None:
        call, ari, _, legs = dialled()
        await call.connect("PJSIP/bob", 30)
        call.start(lambda name, party: legs[name])
        ari.answers_s = 0.1
        await asyncio.gather(*(call.tell(Dtmf("phone-a", digit, 100)) for digit in "12*3"))
        await call.tell(Dtmf("dgm.c.b", "9", 100))
        await call.tell(Held("dgm.c.b", True))
        await call.tell(Dtmf("stranger", "7", 100))
        sent = [asked[1:] for asked in ari.asked if asked[0] == "send_dtmf"]
        assert sent == [("dgm.c.b", "1"), ("dgm.c.b", "2"), ("dgm.c.b", "3"), ("phone-a", "9")]
        assert (legs["a"].keys, legs["b"].keys) == ("12*3", "9")
        assert (legs["a"].holds, legs["b"].holds) == ([], [True])
        await call.clean_up()

    run(main())


def test_media_that_is_gone_for_good_ends_the_call() -> None:
    async def main() -> None:
        call, _, opener, legs = dialled()
        await call.connect("PJSIP/bob", 30)
        call.start(lambda name, party: legs[name])
        opener.failures = 1000
        opener.opened[1].lose()
        assert (await call.ended).by == "media"
        await call.clean_up()

    run(main())
