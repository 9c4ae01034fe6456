"""A calls B; both speak; each hears the other in their own language, over the ducked original."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from controller.audio.levels import dbfs
from controller.demo.script import LEAD_S
from controller.messages import Outcome
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.stack.wav import PHONE_RATE
from controller.telemetry import wer
from tests.scenarios.rig import Rig, played, short_turns


def test_both_directions_are_interpreted(run: Run, triton: TritonServer) -> None:
    async def main() -> Rig:
        parts = short_turns(["number-not-answering", "check-number-dial-again"], ["please-try-again", "vm-tooshort"])
        async with Rig(run, triton, [parts]) as rig:
            rig.dial()
            await rig.delivered(4)
            rig.callers[0].hang_up()
            await rig.watch.over()
        return rig

    rig = asyncio.run(main())
    assert len(played(rig.seen.deliveries, "a")) == len(played(rig.seen.deliveries, "b")) == 2
    assert [d.outcome for d in rig.seen.deliveries] == [Outcome.PLAYED] * 4
    for delivery in rig.seen.deliveries:
        assert delivery.clause.speaker != delivery.listener
        assert delivery.lag_ms is not None
        assert sum(delivery.stages_ms.values()) == pytest.approx(delivery.lag_ms, abs=0.1)
        assert delivery.first_s is not None and delivery.ear_s is not None
        assert 0 <= delivery.ear_s - delivery.first_s < 0.3, "Asterisk played it much later, or before it had it"
    said = "the number is not answering please check the number and dial again"
    heard = " ".join(c.text for c in rig.seen.clauses if c.speaker == "a")
    assert wer.rate([(said, heard)]) == pytest.approx(0, abs=0.2)
    assert any("número" in (d.target or "") for d in played(rig.seen.deliveries, "b"))


def test_the_called_party_hears_the_original_and_then_the_translation(run: Run, triton: TritonServer) -> None:
    async def main() -> Rig:
        async with Rig(run, triton, [short_turns(["all-circuits-busy-now"], ["vm-tooshort"])]) as rig:
            rig.dial()
            await rig.delivered(1)
            rig.callees[0].hang_up()
            await rig.watch.over()
        return rig

    rig = asyncio.run(main())
    (first, *_) = played(rig.seen.deliveries, "b")
    assert first.first_s is not None and first.last_s is not None
    heard = rig.callees[0].heard()

    def level(start_s: float, end_s: float) -> float:
        return dbfs(heard[round(start_s * PHONE_RATE) : round(end_s * PHONE_RATE)])

    # The recording begins with the bridged call, as the call's clock does, give or take its first packets.
    assert level(first.clause.span.start_s + 0.4, first.clause.span.end_s - 0.2) > -40, "the original was not heard"
    assert level(first.first_s + 0.4, first.last_s - 0.2) > -40, "the translation was not heard"
    assert level(0.1, LEAD_S / 2) < -60, "there is sound before anyone spoke"
    assert np.max(np.abs(rig.callers[0].heard().astype(int)), initial=0) < 300, "A hears itself"
