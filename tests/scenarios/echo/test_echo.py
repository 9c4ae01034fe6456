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


async def talks(asterisk: AsteriskServer, said: Sequence[str], *, guarded: bool) -> list[Talk]:
    """Calls in which A speaks to B, whose phone loops, and then B answers."""
    pairs = [(SipPhone("a"), SipPhone("b", auto_answer=True)) for _ in LOOPS]
    for (_, phone), (gain_db, delay_s) in zip(pairs, LOOPS, strict=True):
        phone.loop(gain_db, delay_s)
    spanish = sentence(SPANISH, "es")
    engines = Engines(FakeRecogniser(), FakeTranslator(), ClipVoice(sound=lambda _: spanish))
    async with Scene(asterisk, pairs, engines=engines, settings={"echo": {"enabled": guarded}}) as scene:
        made = [await scene.call() for _ in pairs]
        await asyncio.gather(*(_talk(talk, said) for talk in made))
        for talk in made:
            await talk.hang_up()
    return made


async def _talk(talk: Talk, said: Sequence[str]) -> None:
    for number, name in enumerate(said, 1):
        talk.phones["a"].say(sentence(name))
        await talk.delivered("b", number)
        await asyncio.sleep(ECHO_ENDS_S)
    before = len(talk.played("a"))
    talk.phones["b"].say(sentence(SPANISH, "es"))
    await talk.delivered("a", before + 1)


def test_what_is_only_played_to_a_phone_is_not_interpreted(asterisk: AsteriskServer) -> None:
    for talk, loop in zip(asyncio.run(talks(asterisk, SAID, guarded=True)), LOOPS, strict=True):
        assert len(talk.clauses("a")) == len(SAID)
        spans = [clause.span for clause in talk.clauses("b")]
        assert len(spans) == 1, f"its owner's answer, and nothing else: {spans}, {loop}, {talk.figures('b')}"


def test_without_the_guard_it_is(asterisk: AsteriskServer) -> None:
    """What the guard is for: it can be seen to do something."""
    made = asyncio.run(talks(asterisk, SAID[:1], guarded=False))
    assert sum(len(talk.clauses("b")) for talk in made) > len(LOOPS), "its owner answered once"
