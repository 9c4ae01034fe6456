"""Phones whose loudspeaker feeds their microphone: nothing that was only played to one is interpreted, and what its
owner says is.

The voices are recorded ones and the recogniser is scripted: all that is voiced becomes a clause, so nothing but the
guard of the sound keeps an echo from being one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from controller.engines import Engines
from controller.stack.asterisk import AsteriskServer
from tests.fakes.clip_voice import ClipVoice
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator
from tests.fakes.sip_phone import SipPhone
from tests.scenarios.scene import Scene, Talk, sentence

LOOPS = ((-10.0, 0.04), (-20.0, 0.2), (-30.0, 0.1))
"""Gain and the delay that the phone adds to the way there and back, one call each."""

SAID = ("number-not-answering", "check-number-dial-again")
SPANISH = "vm-enter-num-to-call"
"""Every translation, and B's answer."""

ECHO_ENDS_S = 1.5
"""After a translation: its echo would have become a clause."""


async def clauses(asterisk: AsteriskServer, said: Sequence[str], *, guarded: bool) -> tuple[list[int], list[int]]:
    """In each call A speaks to B, whose phone loops, then B answers. How many clauses each A and each B said."""
    pairs = [(SipPhone("a"), SipPhone("b", auto_answer=True)) for _ in LOOPS]
    for (_, phone), (gain_db, delay_s) in zip(pairs, LOOPS, strict=True):
        phone.loop(gain_db, delay_s)
    spanish = sentence(SPANISH, "es")
    engines = Engines(FakeRecogniser(), FakeTranslator(), ClipVoice(sound=lambda _: spanish))
    async with Scene(asterisk, pairs, engines=engines, settings={"echo": {"enabled": guarded}}) as scene:
        talks = [await scene.call() for _ in pairs]
        await asyncio.gather(*(_talk(talk, said) for talk in talks))
        for talk in talks:
            await talk.hang_up()
    return [len(talk.clauses("a")) for talk in talks], [len(talk.clauses("b")) for talk in talks]


async def _talk(talk: Talk, said: Sequence[str]) -> None:
    for number, name in enumerate(said, 1):
        talk.phones["a"].say(sentence(name))
        await talk.delivered("b", number)
        await asyncio.sleep(ECHO_ENDS_S)
    before = len(talk.played("a"))
    talk.phones["b"].say(sentence(SPANISH, "es"))
    await talk.delivered("a", before + 1)


def test_what_is_only_played_to_a_phone_is_not_interpreted(asterisk: AsteriskServer) -> None:
    of_a, of_b = asyncio.run(clauses(asterisk, SAID, guarded=True))
    assert of_a == [len(SAID)] * len(LOOPS)
    assert of_b == [1] * len(LOOPS), "its owner's answer, and nothing else"


def test_without_the_guard_it_is(asterisk: AsteriskServer) -> None:
    """What the guard is for: it can be seen to do something."""
    _, of_b = asyncio.run(clauses(asterisk, SAID[:1], guarded=False))
    assert sum(of_b) > len(LOOPS), "its owner answered once"
