"""A participant's channel: how it is opened, made anew when its media channel is lost, and closed; hold and keys."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from controller.errors import PbxError
from controller.frames import FRAME_S, SILENCE
from controller.pbx.ari import AriClient
from controller.pbx.feed import MARGIN_FRAMES
from controller.pbx.media import MarkReached
from controller.pbx.party import GIVE_UP_S, PAUSES_S, STEADY_S, Party
from controller.virtual_time import run
from tests.fakes.fake_media import FakeAri, FakeLeg, FakeOpener


class Bench:
    """One party with everything around it."""

    def __init__(self) -> None:
        self.ari = FakeAri()
        self.opener = FakeOpener()
        self.leg = FakeLeg()
        self.lost: list[tuple[float, str]] = []
        self.party = Party("c", "a", "phone", cast(AriClient, self.ari), self.opener, self._on_lost)

    def _on_lost(self, reason: str) -> None:
        self.lost.append((asyncio.get_running_loop().time(), reason))

    async def start(self) -> Bench:
        await self.party.open()
        self.party.start(lambda name, party: self.leg)
        return self


def test_a_party_is_bridged_with_a_media_channel_and_nothing_is_left_of_it() -> None:
    async def main() -> None:
        b = await Bench().start()
        await b.party.close("busy")
        assert b.ari.asked == [
            ("create_bridge", "dgm.c.a.bridge"),
            ("add_channels", "dgm.c.a.bridge", "phone", "dgm.c.a.media"),
            ("hangup", "phone", "busy"),
            ("hangup", "dgm.c.a.media"),
            ("destroy_bridge", "dgm.c.a.bridge"),
        ]
        assert b.opener.opened[0].closed and b.lost == []

    run(main())


def test_frames_and_marks_pass_from_the_start_on_and_begin_with_a_margin() -> None:
    async def main() -> None:
        b = Bench()
        assert not b.party.send(SILENCE) and not b.party.mark("early")
        await b.party.open()
        media = b.opener.opened[0]
        media.on_frame(SILENCE)  # nobody is there to hear it
        b.party.start(lambda name, party: b.leg)
        assert media.flushed == 2 and len(media.sent) == 2 * MARGIN_FRAMES
        assert b.party.send(SILENCE) and b.party.mark("a-1")
        media.on_frame(SILENCE)
        media.on_event(MarkReached("a-1"))
        assert (len(b.leg.frames), b.leg.marks, media.marks) == (1, ["a-1"], ["a-1"])
        await b.party.close()

    run(main())


def test_a_lost_media_channel_is_made_anew_in_the_same_bridge() -> None:
    async def main() -> None:
        b = await Bench().start()
        b.opener.takes_s = 0.1
        b.opener.opened[0].lose()
        assert not b.party.send(SILENCE), "frames are refused meanwhile, and nothing waits"
        await asyncio.sleep(0.11)
        assert b.party.send(SILENCE)
        new = b.opener.opened[1]
        assert new.channel_id == "dgm.c.a.media-2"
        assert ("add_channels", "dgm.c.a.bridge", "dgm.c.a.media-2") in b.ari.asked
        assert ("hangup", "dgm.c.a.media") in b.ari.asked, "the old one is hung up"
        assert (new.flushed, len(new.sent)) == (1, MARGIN_FRAMES + 1)
        new.on_frame(SILENCE)
        assert len(b.leg.frames) == 1, "the party is heard through it"
        await b.party.close()
        assert new.closed and ("hangup", "dgm.c.a.media-2") in b.ari.asked
        assert b.lost == []

    run(main())


def test_it_is_tried_again_with_longer_pauses_and_other_ids() -> None:
    async def main() -> None:
        b = await Bench().start()
        b.opener.failures = 3
        lost_at = asyncio.get_running_loop().time()
        b.opener.opened[0].lose()
        await asyncio.sleep(3)
        tries = [at - lost_at for at, _ in b.opener.tries[1:]]
        assert tries == pytest.approx([sum(PAUSES_S[: n + 1]) for n in range(4)])
        assert [name[-2:] for _, name in b.opener.tries[1:]] == ["-2", "-3", "-4", "-5"]
        assert b.party.send(SILENCE) and b.lost == []
        await b.party.close()

    run(main())


def test_one_that_does_not_come_back_is_told_once() -> None:
    async def main() -> None:
        b = await Bench().start()
        b.opener.failures = 1000
        lost_at = asyncio.get_running_loop().time()
        b.opener.opened[0].lose("the cable was pulled")
        await asyncio.sleep(3 * GIVE_UP_S)
        ((at, reason),) = b.lost
        assert at - lost_at == pytest.approx(GIVE_UP_S) and "the cable was pulled" in reason
        tries = len(b.opener.tries)
        await asyncio.sleep(GIVE_UP_S)
        assert len(b.opener.tries) == tries
        await b.party.close()

    run(main())


def test_a_fault_in_opening_it_again_is_told_and_the_call_does_not_go_on_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        b = await Bench().start()
        b.opener.fault = KeyError("a bug")
        b.opener.opened[0].lose("the cable was pulled")
        await asyncio.sleep(1)
        ((_, reason),) = b.lost
        assert "the cable was pulled" in reason and "a bug" in reason
        assert b.party.deaf and "KeyError" in caplog.text
        await b.party.close()

    run(main())


def test_one_that_is_lost_again_at_once_is_not_hammered() -> None:
    async def main() -> None:
        b = await Bench().start()
        for _ in range(400):
            if b.party.media is not None:
                b.opener.opened[-1].lose()
            await asyncio.sleep(FRAME_S)
        assert len(b.opener.tries) <= 1 + 8 / PAUSES_S[-1] + len(PAUSES_S)
        await asyncio.sleep(2)
        await asyncio.sleep(STEADY_S)
        lost_at = asyncio.get_running_loop().time()
        b.opener.opened[-1].lose()
        await asyncio.sleep(0.01)
        assert b.party.send(SILENCE), "after a steady time the next one is opened at once"
        assert b.opener.tries[-1][0] == pytest.approx(lost_at)
        await b.party.close()

    run(main())


def test_closing_while_it_is_opened_again_leaves_nothing() -> None:
    async def main() -> None:
        b = await Bench().start()
        b.opener.takes_s = 1
        b.opener.opened[0].lose()
        await asyncio.sleep(0.5)
        await b.party.close()
        await asyncio.sleep(GIVE_UP_S)
        assert len(b.opener.opened) == 1 and b.lost == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_a_bridge_that_takes_it_not_costs_the_media_channel_too() -> None:
    async def main() -> None:
        b = Bench()
        b.ari.refuse["add_channels"] = 1
        with pytest.raises(PbxError):
            await b.party.open()
        assert b.opener.opened[0].closed
        await b.party.close()

    run(main())


def test_hold_and_keys_are_told_once_the_call_is_interpreted() -> None:
    async def main() -> None:
        b = Bench()
        b.party.held(True)
        assert b.party.pressed("5") == ""
        await b.start()
        b.party.held(True)
        b.party.held(False)
        assert b.party.pressed("5") == "5" and b.party.pressed("*") == ""
        assert (b.leg.holds, b.leg.keys) == ([True, False], "5*")
        await b.party.close()

    run(main())
