"""Triton dies in the middle of a call: the call goes on with the original, undimmed, and is interpreted again after."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from controller.audio.levels import dbfs
from controller.messages import Outcome, Reason
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from tests.scenarios.rig import STEP_S, Rig, played, short_turns


def test_the_call_goes_on_with_the_original(run: Run, repository: Path) -> None:
    async def main() -> Rig:
        triton = TritonServer(run, repository)
        await asyncio.to_thread(triton.start)
        parts = short_turns(["number-not-answering", "vm-msgsaved", "all-circuits-busy-now"], ["vm-tooshort"] * 3)
        async with Rig(run, triton, [parts]) as rig:
            rig.dial()
            await rig.delivered(2)
            os.kill(triton.pid, signal.SIGKILL)
            async with asyncio.timeout(STEP_S + 20):
                while not any(kind == "stt" for kind, _ in rig.seen.failures):
                    await asyncio.sleep(0.1)
            assert rig.callers[0].in_call and rig.callees[0].in_call
            frames = rig.seen.frames
            await asyncio.sleep(1)
            assert rig.seen.frames - frames > 80, "the audio stopped with the models"
            rig.callers[0].hang_up()
            await rig.watch.over()
        return rig

    rig = asyncio.run(main())
    assert len(played(rig.seen.deliveries, "b")) >= 1
    assert {d.reason for d in rig.seen.deliveries if d.outcome is Outcome.DROPPED} <= {
        Reason.ENGINE_FAILED,
        Reason.HANGUP,
    }
    heard = rig.callees[0].heard()
    assert dbfs(heard[-3 * 8000 :]) > -60 or dbfs(heard) > -60


def test_a_killed_model_process_comes_back_during_the_call(run: Run, repository: Path) -> None:
    async def main() -> Rig:
        triton = TritonServer(run, repository)
        await asyncio.to_thread(triton.start)
        parts = short_turns(["number-not-answering"] * 5, ["vm-tooshort"] * 5)
        async with Rig(run, triton, [parts]) as rig:
            rig.dial()
            await rig.delivered(1)
            stub = triton.stub_pid("whisper")
            assert stub is not None
            os.kill(stub, signal.SIGKILL)
            before = len(rig.seen.deliveries)
            async with asyncio.timeout(60):
                while len(played(rig.seen.deliveries[before:], "b")) < 1:
                    await asyncio.sleep(0.1)
            assert triton.stub_pid("whisper") not in (None, stub)
            rig.callers[0].hang_up()
            await rig.watch.over()
        return rig

    rig = asyncio.run(main())
    assert rig.service.ready["stt"]
