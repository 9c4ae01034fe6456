"""Triton dies in the middle of a call: the call goes on with the original, undimmed, and is interpreted again after."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from controller.audio.levels import dbfs
from controller.frames import Pcm
from controller.messages import Outcome, Reason
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.stack.wav import PHONE_RATE
from tests.scenarios.rig import STEP_S, Rig, played, short_turns


def test_the_call_goes_on_with_the_original(run: Run, repository: Path) -> None:
    parts = short_turns(["number-not-answering", "privacy-prompt", "all-circuits-busy-now"], ["vm-tooshort"] * 3)

    async def main() -> Rig:
        triton = TritonServer(run, repository)
        await asyncio.to_thread(triton.start)
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
    said, heard = rig.callers[0].said(), rig.callees[0].heard()
    after = parts[0].said[1]  # what A said when Triton was gone

    def level(pcm: Pcm) -> float:
        return dbfs(pcm[round((after.start_s + 0.3) * PHONE_RATE) : round((after.end_s - 0.3) * PHONE_RATE)])

    assert level(heard) == pytest.approx(level(said), abs=3), "the original was dimmed, or not heard"


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
