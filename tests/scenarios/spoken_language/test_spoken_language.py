"""Nobody said what the two speak, and they speak the other way round than is assumed: heard, and interpreted."""

from __future__ import annotations

import asyncio

from controller.stack.process import Run
from controller.stack.triton import TritonServer
from tests.scenarios.rig import Rig, played, short_turns


def test_two_who_speak_the_other_way_round(run: Run, triton: TritonServer) -> None:
    async def main() -> tuple[Rig, dict[str, str]]:
        english, spanish = short_turns(
            ["number-not-answering", "check-number-dial-again"], ["please-try-again", "privacy-incorrect"]
        )
        async with Rig(run, triton, [(spanish, english)], languages=("", "")) as rig:
            rig.dial()
            (conversation,) = await rig.watch.up()
            assert {leg.language for leg in conversation.legs.values()} == {"en", "es"}
            await rig.delivered(4)
            languages = {name: leg.language for name, leg in conversation.legs.items()}
            rig.callers[0].hang_up()
            await rig.watch.over()
        return rig, languages

    rig, languages = asyncio.run(main())
    assert languages == {"a": "es", "b": "en"}
    assert {(clause.speaker, clause.language) for clause in rig.seen.clauses} == {("a", "es"), ("b", "en")}
    assert any("número" in (one.target or "") for one in played(rig.seen.deliveries, "a"))
    assert {one.language for one in played(rig.seen.deliveries, "b")} == {"en"}
