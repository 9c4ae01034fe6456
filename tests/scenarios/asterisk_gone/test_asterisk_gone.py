"""Asterisk dies in the middle of a call: the call ends, every delivery is accounted for, new calls wait for it."""

from __future__ import annotations

import asyncio

from controller.messages import Outcome, Reason
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from tests.scenarios.rig import STEP_S, Rig, short_turns


def test_the_call_ends_and_the_service_lives(run: Run, triton: TritonServer) -> None:
    async def main() -> Rig:
        async with Rig(run, triton, [short_turns(["privacy-prompt"], ["vm-tooshort"])]) as rig:
            rig.asterisk_survives = False
            rig.dial()
            await rig.playing()
            rig.asterisk.kill()
            (ended,) = await rig.watch.over()
            assert ended.by == "media"
            async with asyncio.timeout(STEP_S):
                while rig.service.ready["asterisk"]:
                    await asyncio.sleep(0.05)
            await asyncio.to_thread(rig.asterisk.start)
            async with asyncio.timeout(STEP_S):
                while not rig.service.ready["asterisk"]:
                    await asyncio.sleep(0.05)
        return rig

    rig = asyncio.run(main())
    assert [d.outcome for d in rig.seen.deliveries] == [Outcome.DROPPED]
    assert rig.seen.deliveries[0].reason is Reason.MEDIA_LOST
