"""What cannot be interpreted is said before the call is answered."""

from __future__ import annotations

import asyncio

from controller.stack.process import Run
from controller.stack.triton import TritonServer
from tests.scenarios.rig import Rig, short_turns


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
