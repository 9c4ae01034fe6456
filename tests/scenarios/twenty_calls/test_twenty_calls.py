"""Twenty calls started in the same second: each comes up, each is interpreted, none hears another."""

from __future__ import annotations

import asyncio
import time

from controller.frames import Pcm
from controller.stack.asterisk import AsteriskServer
from tests.fakes.sip_phone import SipPhone
from tests.fakes.sounds import RATE, likeness, speech_like
from tests.scenarios.rig import STEP_S
from tests.scenarios.scene import LOST_MOST, Scene, clip_engines

COUNT = 20


def test_twenty_at_once(asterisk: AsteriskServer) -> None:
    pairs = [(SipPhone("a"), SipPhone("b", auto_answer=True)) for _ in range(COUNT)]

    async def main() -> Scene:
        async with Scene(asterisk, pairs, engines=clip_engines()) as scene:
            began = time.monotonic()
            for number in range(1, COUNT + 1):
                scene.dial(number)
            assert time.monotonic() - began < 1, "they were to be started in the same second"
            await scene.watch.up(COUNT)
            for number, (a, b) in enumerate(pairs):
                a.say(speech_like(2, seed=number))
                b.say(speech_like(2, seed=COUNT + number))
            await scene.delivered(2 * COUNT)
            for a, _ in pairs:
                a.hang_up()
            await scene.watch.over(COUNT)
            for _, b in pairs:
                await asyncio.to_thread(b.wait_ended, STEP_S)
        return scene

    scene = asyncio.run(main())
    sent = sum(leg.frames_out for record in scene.watch.calls for leg in record.conversation.gone)
    came = sum(phone.stream.packets_in for pair in pairs for phone in pair)
    assert came > (1 - LOST_MOST) * sent, "not all that was sent came through"
    for record in scene.watch.calls:
        assert record.conversation.balance.opened == record.conversation.balance.played == 2
    for number, (a, b) in enumerate(pairs):
        assert likeness(words(number), b.heard(), piece_s=0.1) > 0.6
        assert likeness(words(COUNT + number), a.heard(), piece_s=0.1) > 0.6
        assert likeness(words((number + 1) % COUNT), b.heard(), piece_s=0.1) < 0.4


def words(seed: int) -> Pcm:
    """Some of what the phone with that seed says."""
    return speech_like(2, seed=seed)[RATE // 2 : RATE]
