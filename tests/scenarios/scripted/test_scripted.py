"""A call with scripted engines: Asterisk and the phones are real, and Triton is not needed."""

from __future__ import annotations

import asyncio

import pytest

from controller.stack.process import Run
from tests.fakes.fake_engines import fake_engines
from tests.scenarios.rig import Rig, played, short_turns


def test_both_hear_the_other_in_their_own_language(run: Run) -> None:
    async def main() -> Rig:
        parts = short_turns(["vm-msgsaved"], ["vm-tooshort"])
        async with Rig(run, None, [parts], engines=fake_engines()) as rig:
            rig.dial()
            await rig.delivered(2)
            rig.callers[0].hang_up()
            await rig.watch.over()
        return rig

    rig = asyncio.run(main())
    assert [d.target for d in played(rig.seen.deliveries, "b")] == ["es: heard 1"]
    assert [d.target for d in played(rig.seen.deliveries, "a")] == ["en: heard 1"]
    for delivery in rig.seen.deliveries:
        assert delivery.stages_ms["mt"] == pytest.approx(100, abs=50)
