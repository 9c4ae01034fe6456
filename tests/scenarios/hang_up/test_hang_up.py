"""Either side hangs up before, during and after speech, or before anyone answered: nothing is left, all is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from controller.messages import Reason
from controller.stack.asterisk import AsteriskServer
from tests.fakes.sip_phone import SipPhone
from tests.fakes.sounds import speech_like
from tests.scenarios.rig import STEP_S
from tests.scenarios.scene import Scene, Talk, clip_engines

Moment = Callable[[Talk], Awaitable[None]]


async def at_once(talk: Talk) -> None:
    """Nobody has said anything."""


async def while_one_speaks(talk: Talk) -> None:
    talk.phones["a"].say(speech_like(3, seed=1))
    await asyncio.sleep(1.5)


async def while_a_translation_sounds(talk: Talk) -> None:
    talk.phones["a"].say(speech_like(1, seed=1))
    async with asyncio.timeout(STEP_S):
        while not talk.leg("b").playback.sounding:
            await asyncio.sleep(0.02)


async def after_the_translation(talk: Talk) -> None:
    talk.phones["a"].say(speech_like(1, seed=1))
    await talk.delivered("b", 1)


STAGES: dict[Moment, list[Reason | None]] = {
    at_once: [],
    while_one_speaks: [],
    while_a_translation_sounds: [Reason.HANGUP],
    after_the_translation: [None],
}
"""What becomes of the deliveries that there are."""


async def hang_up(talk: Talk, stage: Moment, who: str) -> None:
    await stage(talk)
    await talk.hang_up(who)
    await asyncio.to_thread(talk.phones["b" if who == "a" else "a"].wait_ended, STEP_S)


def test_at_every_stage_of_a_call(asterisk: AsteriskServer) -> None:
    cases = [(stage, who) for stage in STAGES for who in ("a", "b")]
    pairs = [(SipPhone("a"), SipPhone("b", auto_answer=True)) for _ in cases]

    async def main() -> list[Talk]:
        async with Scene(asterisk, pairs, engines=clip_engines()) as scene:
            talks = [await scene.call() for _ in cases]
            await asyncio.gather(*(hang_up(talk, *case) for talk, case in zip(talks, cases, strict=True)))
        return talks

    for talk, (stage, who) in zip(asyncio.run(main()), cases, strict=True):
        name = f"{stage.__name__}, by {who}"
        assert talk.record.ended is not None and talk.record.ended.by == who, name
        assert [one.reason for one in talk.seen.deliveries] == STAGES[stage], name
        if stage is while_a_translation_sounds:
            assert talk.seen.deliveries[0].first_s is not None, "it had begun to sound"


def test_before_anyone_answered(asterisk: AsteriskServer) -> None:
    pairs = [(SipPhone("a"), SipPhone("b")) for _ in range(3)]
    (gives_up, rings), (is_refused, is_busy), (is_declined, declines) = pairs

    async def main() -> None:
        async with Scene(asterisk, pairs, engines=clip_engines()) as scene:
            for number, (_, callee) in enumerate(pairs, 1):
                scene.dial(number)
                await asyncio.to_thread(callee.wait_ringing, STEP_S)
            gives_up.hang_up()
            is_busy.refuse(486)
            declines.refuse(603)
            for phone in (gives_up, rings, is_refused, is_declined):
                await asyncio.to_thread(phone.wait_ended, STEP_S)
            async with asyncio.timeout(STEP_S):
                while len(scene.watch.refusals) < len(pairs):
                    await asyncio.sleep(0.02)
            assert scene.watch.calls == []

    asyncio.run(main())
    assert gives_up.calls[0].status == rings.calls[0].status == 487
    assert is_refused.calls[0].status == 486
    assert is_declined.calls[0].status in (403, 603)
