"""What cannot be interpreted is said before the call is answered, and nobody is rung for it."""

from __future__ import annotations

import asyncio

from controller.stack.asterisk import AsteriskServer
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from tests.fakes.sip_phone import SipPhone
from tests.scenarios.rig import STEP_S, Rig, short_turns
from tests.scenarios.scene import Scene, clip_engines, speak


def test_an_unknown_language_pair_is_refused_and_nobody_is_rung(run: Run, triton: TritonServer) -> None:
    async def main() -> Rig:
        parts = short_turns(["vm-msgsaved"], ["vm-tooshort"])
        async with Rig(run, triton, [parts], languages=("en", "ja")) as rig:
            rig.dial()
            assert "no pair en -> ja" in await rig.watch.turned_away()
            await asyncio.to_thread(rig.callers[0].wait_ended)
        return rig

    rig = asyncio.run(main())
    assert "established" not in rig.callers[0].log.lower()
    assert "incoming" not in rig.callees[0].log.lower()


def test_one_more_than_the_limit_is_busy_and_the_others_go_on(asterisk: AsteriskServer) -> None:
    pairs = [(SipPhone("a"), SipPhone("b", auto_answer=True)) for _ in range(2)]

    async def main() -> None:
        async with Scene(asterisk, pairs, engines=clip_engines(), settings={"calls": {"limit": 1}}) as scene:
            talk = await scene.call()
            scene.dial(2)
            assert "limit of 1" in await scene.watch.turned_away()
            await asyncio.to_thread(pairs[1][0].wait_ended, STEP_S)
            await speak([talk], count=1)
            await talk.hang_up()

    asyncio.run(main())
    (caller, callee) = pairs[1]
    assert caller.calls[0].status == 486
    assert callee.calls == []


def test_an_extension_that_is_not_allowed(asterisk: AsteriskServer) -> None:
    """Neither by Asterisk, which does not know it, nor by us, who do not take it."""
    pairs = [(SipPhone("a"), SipPhone("b", auto_answer=True)) for _ in range(2)]
    (unknown, _), (not_taken, _) = pairs

    async def main() -> None:
        async with Scene(asterisk, pairs, engines=clip_engines(), settings={"calls": {"allow": ["8*"]}}) as scene:
            unknown.dial(asterisk.sip_uri("777"))
            await asyncio.to_thread(unknown.wait_ended, STEP_S)
            assert scene.watch.refusals == []
            scene.dial(2)
            assert "not among those in calls.allow" in await scene.watch.turned_away()
            await asyncio.to_thread(not_taken.wait_ended, STEP_S)
            assert scene.watch.calls == []

    asyncio.run(main())
    assert unknown.calls[0].status == 404
    assert not_taken.calls[0].status in (403, 603)
    assert pairs[0][1].calls == pairs[1][1].calls == []
