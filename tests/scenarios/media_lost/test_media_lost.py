"""The called party's media channel is torn down in mid-call: it is opened anew, and both go on hearing each other."""

from __future__ import annotations

import asyncio

from controller.stack.process import Run
from tests.fakes.fake_engines import fake_engines
from tests.scenarios.rig import STEP_S, Rig, played, short_turns


def test_the_call_goes_on_over_a_new_one(run: Run) -> None:
    async def main() -> Rig:
        parts = short_turns(["vm-msgsaved", "number-not-answering"], ["vm-tooshort", "please-try-again"])
        async with Rig(run, None, [parts], engines=fake_engines()) as rig:
            rig.dial()
            (conversation,) = await rig.watch.up()
            await rig.delivered()
            before = conversation.legs["b"].orchestrator.capture.arrived
            listed = await asyncio.to_thread(rig.asterisk.cli, "core show channels concise")
            (media,) = [line.split("!")[0] for line in listed.splitlines() if line.endswith(".b.media")]
            await asyncio.to_thread(rig.asterisk.cli, f"channel request hangup {media}")
            await rig.delivered(4)
            assert conversation.legs["b"].orchestrator.capture.arrived > before + 50, "B is heard no more"
            rig.callers[0].hang_up()
            (ended,) = await rig.watch.over()
            assert ended.by == "a"
            await asyncio.to_thread(rig.callees[0].wait_ended, STEP_S)
        return rig

    rig = asyncio.run(main())
    assert len(played(rig.seen.deliveries, "a")) == 2
    assert len(played(rig.seen.deliveries, "b")) >= 1
