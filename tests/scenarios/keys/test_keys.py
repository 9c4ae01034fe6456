"""Keys that are no controls of ours reach the other's phone, and do not come back."""

from __future__ import annotations

import asyncio
import re

from controller.stack.phone import SoftPhone
from controller.stack.process import Run
from tests.fakes.fake_engines import fake_engines
from tests.scenarios.rig import STEP_S, Rig, short_turns


def received(phone: SoftPhone) -> str:
    """The keys that a phone was sent."""
    return "".join(re.findall(r"received event: '(.)' \(end=1\)", phone.log))


async def until_received(phone: SoftPhone, keys: str) -> None:
    async with asyncio.timeout(STEP_S):
        while received(phone) != keys:
            await asyncio.sleep(0.05)


def test_keys_reach_the_other_in_order(run: Run) -> None:
    async def main() -> Rig:
        parts = short_turns(["vm-msgsaved"], ["vm-tooshort"])
        async with Rig(run, None, [parts], engines=fake_engines()) as rig:
            rig.dial()
            await rig.watch.up()
            await asyncio.to_thread(rig.callers[0].press, "159")
            await until_received(rig.callees[0], "159")
            await asyncio.to_thread(rig.callees[0].press, "7")
            await until_received(rig.callers[0], "7")
            rig.callers[0].hang_up()
            await rig.watch.over()
        return rig

    rig = asyncio.run(main())
    assert (received(rig.callees[0]), received(rig.callers[0])) == ("159", "7")
