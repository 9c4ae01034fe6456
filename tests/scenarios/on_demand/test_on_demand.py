"""An interpreter who is asked for in mid-call by *9: said in both languages, and there on hold and after a transfer.

Nobody interprets before; and where nobody can, or can any longer, the two go on talking to each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

from asterisk.render import Extension
from controller.pipeline.announcements import TEXTS, Sentence
from controller.stack.asterisk import AsteriskServer
from controller.stack.ports import LOOPBACK
from controller.stack.process import Run
from tests.fakes.clip_voice import CLIP_S
from tests.fakes.sip_phone import SipPhone
from tests.fakes.sounds import RATE, likeness, speech_like
from tests.scenarios.rig import STEP_S
from tests.scenarios.scene import Scene, clip_engines, speak

ON_DEMAND = Extension("_8XXXXX", "en", "es", f"PJSIP/phone/sip:b@{LOOPBACK}:${{EXTEN:1}}", on_demand=True)
"""8 and a port: in Asterisk's dialplan a pattern begins with an underscore, and each X stands for one digit."""


@pytest.fixture
def asterisk(run: Run) -> Iterator[AsteriskServer]:
    with AsteriskServer(run, extensions=[ON_DEMAND]) as server:
        yield server


def to(asterisk: AsteriskServer, phone: SipPhone) -> str:
    return asterisk.sip_uri(f"8{phone.uri.rpartition(':')[2]:0>5}")


def connected(asterisk: AsteriskServer, caller: SipPhone, callee: SipPhone) -> None:
    caller.dial(to(asterisk, callee))
    for phone in (caller, callee):
        phone.wait_established(STEP_S)


async def hear_each_other(*phones: SipPhone) -> None:
    """Each says something that the other hears as it is, sooner or later."""
    for speaker, listener in (phones, phones[::-1]):
        found, tries = 0.0, 0
        while found < 0.7:
            assert tries < STEP_S, f"{listener.name} does not hear {speaker.name}: {found:.2f}"
            said = speech_like(1, seed=(tries := tries + 1))
            from_here = len(listener.heard())
            speaker.say(said)
            await asyncio.sleep(1.5)
            heard = listener.heard()[max(0, from_here - RATE // 5) :]
            found = likeness(said[: RATE // 2], heard, piece_s=0.1) if np.any(heard) else 0.0


def test_it_is_said_in_both_languages_and_stays_on_hold_and_after_a_transfer(asterisk: AsteriskServer) -> None:
    caller, called = SipPhone("a"), SipPhone("b", auto_answer=True)
    second_line, colleague = SipPhone("a2"), SipPhone("b", auto_answer=True)

    async def main() -> None:
        async with Scene(asterisk, [(caller, called), (second_line, colleague)], engines=clip_engines()) as scene:
            await asyncio.to_thread(connected, asterisk, caller, called)
            await hear_each_other(caller, called)
            assert scene.watch.calls == [], "nobody interprets yet"
            caller.press("*9")
            talk = await scene.talk()
            await asyncio.sleep(CLIP_S + 1)
            for name, language in (("a", "en"), ("b", "es")):
                talk.assert_heard(name, TEXTS[language][Sentence.DISCLOSURE], 0.5, 0.5 + CLIP_S)
            await speak([talk], count=1)

            called.hold()
            await asyncio.sleep(1)
            called.resume()
            await speak([talk], count=2)

            caller.hold()
            await asyncio.to_thread(connected, asterisk, second_line, colleague)
            caller.hand_over(second_line)
            for phone in (caller, second_line):
                await asyncio.to_thread(phone.wait_ended, STEP_S)
            for name in ("a", "b"):
                for delivery in talk.played(name):
                    talk.assert_translation_heard(delivery)
            talk.phones["a"] = colleague
            await speak([talk], count=3)
            for name in ("a", "b"):
                talk.assert_translation_heard(talk.played(name)[-1])
            await talk.hang_up("b")
            await asyncio.to_thread(colleague.wait_ended, STEP_S)
            assert talk.record.ended is not None
            assert talk.record.ended.by == "b"

    asyncio.run(main())


def test_where_nobody_can_interpret_they_go_on_talking(asterisk: AsteriskServer) -> None:
    caller, called = SipPhone("a"), SipPhone("b", auto_answer=True)
    refusing = {"calls": {"allow": ["1*"]}}

    async def main() -> None:
        async with Scene(asterisk, [(caller, called)], engines=clip_engines(), settings=refusing) as scene:
            await asyncio.to_thread(connected, asterisk, caller, called)
            called.press("*9")
            assert "go" in await scene.watch.turned_away()
            await hear_each_other(caller, called)
            await scene.service.stop()
            caller.press("*9")  # nobody is there at all
            await asyncio.sleep(1)
            await hear_each_other(caller, called)
            caller.hang_up()
            await asyncio.to_thread(called.wait_ended, STEP_S)

    asyncio.run(main())


def test_an_interpreter_who_must_go_leaves_them_talking(asterisk: AsteriskServer) -> None:
    caller, called = SipPhone("a"), SipPhone("b", auto_answer=True)

    async def main() -> None:
        async with Scene(asterisk, [(caller, called)], engines=clip_engines()) as scene:
            await asyncio.to_thread(connected, asterisk, caller, called)
            called.press("*9")
            talk = await scene.talk()
            await speak([talk], count=1)
            assert [leg.language for leg in talk.conversation.legs.values()] == ["en", "es"], "whoever pressed"
            await scene.service.stop()
            await hear_each_other(caller, called)
            called.hang_up()
            await asyncio.to_thread(caller.wait_ended, STEP_S)

    asyncio.run(main())


def test_whoever_is_passed_on_to_is_interpreted_too(asterisk: AsteriskServer) -> None:
    caller, called = SipPhone("a"), SipPhone("b", auto_answer=True)
    colleague = SipPhone("b", auto_answer=True)

    async def main() -> None:
        async with Scene(asterisk, [(caller, called), (SipPhone("a2"), colleague)], engines=clip_engines()) as scene:
            await asyncio.to_thread(connected, asterisk, caller, called)
            called.press("*9")
            talk = await scene.talk()
            called.pass_on(to(asterisk, colleague))
            await asyncio.to_thread(colleague.wait_established, STEP_S)
            talk.phones["b"] = colleague
            await speak([talk], count=1)
            for name in ("a", "b"):
                talk.assert_translation_heard(talk.played(name)[-1])
            await talk.hang_up("a")
            await asyncio.to_thread(colleague.wait_ended, STEP_S)

    asyncio.run(main())
