"""A caller on a bad network: 5 % of the packets are lost, the others come up to 60 ms late and out of order.

With the real recogniser: what was said is understood and interpreted all the same, both ways.
"""

from __future__ import annotations

import asyncio

from controller.demo.script import prompts
from controller.stack.asterisk import AsteriskServer
from controller.stack.triton import TritonServer
from controller.telemetry import wer
from export.setup.cache import Cache
from tests.fakes.sip_phone import SipPhone
from tests.fakes.udp_relay import UdpRelay
from tests.scenarios.scene import Scene, Talk

ENGLISH = ("number-not-answering", "all-circuits-busy-now")


def test_it_is_understood(asterisk: AsteriskServer, triton: TritonServer) -> None:
    folder = Cache.default().prompts
    said = prompts(folder, "en", ENGLISH)
    ((_, answer),) = prompts(folder, "es", ["vm-tooshort"])
    relay = UdpRelay(loss=0.05, jitter_s=0.06, seed=1)

    async def main() -> Talk:
        pair = (SipPhone("a", relay=relay), SipPhone("b", auto_answer=True))
        async with Scene(asterisk, [pair], triton=triton) as scene:
            scene.tolerated = 0.05  # what this network delivers more than 60 ms late has lost its place
            talk = await scene.call()
            for count, (_, pcm) in enumerate(said, 1):
                talk.phones["a"].say(pcm)
                await talk.delivered("b", count, 40)
            talk.phones["b"].say(answer)
            await talk.delivered("a", 1, 40)
            await talk.hang_up()
        return talk

    talk = asyncio.run(main())
    for counts in (relay.from_phone, relay.from_asterisk):
        assert counts.lost > 0.01 * counts.came
    heard = " ".join(clause.text for clause in talk.clauses("a"))
    rate = wer.rate([(" ".join(text for text, _ in said), heard)])
    assert rate is not None and rate < 0.35, heard
    assert all(delivery.clause.speaker != delivery.listener for delivery in talk.seen.deliveries)
