"""Either side hangs up before, during and after speech, or before anyone answered: nothing is left, all is counted."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from controller.messages import Reason
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from tests.scenarios.rig import STEP_S, Rig, short_turns


def call(run: Run, triton: TritonServer, who: str, when: str) -> Rig:
    async def main() -> Rig:
        parts = short_turns(["privacy-prompt"], ["privacy-incorrect"])
        async with Rig(run, triton, [parts]) as rig:
            rig.dial()
            (conversation,) = await rig.watch.up()
            phone = (rig.callers if who == "a" else rig.callees)[0]
            other = (rig.callees if who == "a" else rig.callers)[0]
            if when == "while one speaks":
                while not rig.seen.transcripts:
                    await asyncio.sleep(0.05)
            elif when == "while a translation sounds":
                await rig.playing()
            elif when == "after the translation":
                await rig.delivered()
            phone.hang_up()
            (ended,) = await rig.watch.over()
            assert ended.by == who
            await asyncio.to_thread(other.wait_ended, STEP_S)
            assert not conversation.legs
        return rig

    return asyncio.run(main())


@pytest.mark.parametrize("who", ["a", "b"])
def test_before_anyone_speaks(run: Run, triton: TritonServer, who: str) -> None:
    rig = call(run, triton, who, "at once")
    assert rig.seen.deliveries == []


@pytest.mark.parametrize("who", ["a", "b"])
def test_while_one_speaks(run: Run, triton: TritonServer, who: str) -> None:
    rig = call(run, triton, who, "while one speaks")
    assert rig.seen.deliveries == []


@pytest.mark.parametrize("who", ["a", "b"])
def test_while_a_translation_sounds(run: Run, triton: TritonServer, who: str) -> None:
    rig = call(run, triton, who, "while a translation sounds")
    assert Counter(d.reason for d in rig.seen.deliveries) == {Reason.HANGUP: 1}
    assert rig.seen.deliveries[0].first_s is not None, "it had begun to sound"


@pytest.mark.parametrize("who", ["a", "b"])
def test_after_the_translation(run: Run, triton: TritonServer, who: str) -> None:
    rig = call(run, triton, who, "after the translation")
    assert [d.reason for d in rig.seen.deliveries] == [None]


def test_the_caller_gives_up_while_it_rings(run: Run, triton: TritonServer) -> None:
    async def main() -> None:
        async with Rig(run, triton, [short_turns(["vm-msgsaved"], ["vm-tooshort"])], answers=False) as rig:
            rig.dial()
            await asyncio.to_thread(rig.callees[0].wait_ringing, STEP_S)
            rig.callers[0].hang_up()
            await rig.watch.turned_away()
            await asyncio.to_thread(rig.callees[0].wait_ended, STEP_S)
            assert rig.watch.calls == []

    asyncio.run(main())


def test_the_called_party_refuses(run: Run, triton: TritonServer) -> None:
    async def main() -> None:
        async with Rig(run, triton, [short_turns(["vm-msgsaved"], ["vm-tooshort"])], answers=False) as rig:
            rig.dial()
            await asyncio.to_thread(rig.callees[0].wait_ringing, STEP_S)
            rig.callees[0].hang_up()
            await rig.watch.turned_away()
            await asyncio.to_thread(rig.callers[0].wait_ended, STEP_S)
            assert rig.watch.calls == []

    asyncio.run(main())
