"""Three calls at once on one service: each is interpreted, none hears another."""

from __future__ import annotations

import asyncio

from controller.stack.process import Run
from controller.stack.triton import TritonServer
from tests.scenarios.rig import Rig, short_turns


def test_three_at_once(run: Run, triton: TritonServer) -> None:
    async def main() -> Rig:
        parts = [
            short_turns(["number-not-answering"], ["please-try-again"]),
            short_turns(["vm-msgsaved"], ["vm-tooshort"]),
            short_turns(["all-circuits-busy-now"], ["privacy-incorrect"]),
        ]
        async with Rig(run, triton, parts) as rig:
            for number in (1, 2, 3):
                rig.dial(number)
            await rig.watch.up(3)
            await rig.delivered(6)
            for phone in rig.callers:
                phone.hang_up()
            await rig.watch.over(3)
        return rig

    rig = asyncio.run(main())
    for call in rig.watch.calls:
        assert call.conversation.balance.opened == call.conversation.balance.played == 2
    english = sorted(clause.text.lower() for clause in rig.seen.clauses if clause.language == "en")
    assert len(english) == 3
    for word in ("circuits", "message", "number"):
        assert sum(word in text for text in english) == 1, f"{word!r} was said in one call: {english}"


def test_one_more_than_the_limit_is_busy_and_the_others_go_on(run: Run, triton: TritonServer) -> None:
    async def main() -> Rig:
        parts = [short_turns(["vm-msgsaved"], ["vm-tooshort"])] * 2
        async with Rig(run, triton, parts, limit=1) as rig:
            rig.dial(1)
            await rig.watch.up()
            rig.dial(2)
            assert "limit of 1" in await rig.watch.turned_away()
            await asyncio.to_thread(rig.callers[1].wait_ended)
            assert rig.callers[0].in_call
            await rig.delivered()
            rig.callers[0].hang_up()
            await rig.watch.over()
        return rig

    rig = asyncio.run(main())
    assert "486" in rig.callers[1].log or "Busy" in rig.callers[1].log
