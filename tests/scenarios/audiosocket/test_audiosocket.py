"""Whole calls over AudioSocket: interpreted both ways, and going on when a media channel is torn down."""

from __future__ import annotations

import asyncio

from controller.audio.levels import dbfs
from controller.stack.process import Run
from controller.stack.wav import PHONE_RATE
from tests.fakes.fake_engines import fake_engines
from tests.scenarios.rig import STEP_S, Rig, played, short_turns

SETTINGS = {"asterisk": {"media": "audiosocket"}}


def media_channels(rig: Rig, leg: str = "") -> list[str]:
    """Asterisk's names of the media channels of a leg; of all legs where none is named."""
    listed = rig.asterisk.cli("core show channels concise").splitlines()
    return [line.split("!")[0] for line in listed if line.endswith(f"{leg}.media")]


def test_both_hear_the_other_in_their_own_language(run: Run) -> None:
    async def main() -> Rig:
        parts = short_turns(["vm-msgsaved"], ["vm-tooshort"])
        async with Rig(run, None, [parts], engines=fake_engines(), settings=SETTINGS) as rig:
            rig.dial()
            await rig.delivered(2)
            media = await asyncio.to_thread(media_channels, rig)
            rig.callers[0].hang_up()
            await rig.watch.over()
        assert [name.partition("/")[0] for name in media] == ["AudioSocket"] * 2
        return rig

    rig = asyncio.run(main())
    (to_b,), (to_a,) = played(rig.seen.deliveries, "b"), played(rig.seen.deliveries, "a")
    assert (to_b.target, to_a.target) == ("es: heard 1", "en: heard 1")
    for delivery, phone in ((to_b, rig.callees[0]), (to_a, rig.callers[0])):
        assert delivery.first_s is not None and delivery.last_s is not None and delivery.ear_s is not None
        assert 0 <= delivery.ear_s - delivery.first_s < 0.1, "a mark is the socket's, not the ear's"
        heard = phone.heard()[
            round((delivery.first_s + 0.2) * PHONE_RATE) : round((delivery.last_s - 0.2) * PHONE_RATE)
        ]
        assert dbfs(heard) > -30, "the translation is not heard"


def test_a_channel_that_is_torn_down_is_opened_anew(run: Run) -> None:
    async def main() -> Rig:
        parts = short_turns(["vm-msgsaved", "number-not-answering"], ["vm-tooshort", "please-try-again"])
        async with Rig(run, None, [parts], engines=fake_engines(), settings=SETTINGS) as rig:
            rig.dial()
            (conversation,) = await rig.watch.up()
            await rig.delivered()
            before = conversation.legs["b"].orchestrator.capture.arrived
            (torn,) = await asyncio.to_thread(media_channels, rig, "b")
            await asyncio.to_thread(rig.asterisk.cli, f"channel request hangup {torn}")
            await rig.delivered(4)
            assert conversation.legs["b"].orchestrator.capture.arrived > before + 50, "B is heard no more"
            rig.callers[0].hang_up()
            (ended,) = await rig.watch.over()
            assert ended.by == "a"
            await asyncio.to_thread(rig.callees[0].wait_ended, STEP_S)
        return rig

    rig = asyncio.run(main())
    assert len(played(rig.seen.deliveries, "a")) == 2
