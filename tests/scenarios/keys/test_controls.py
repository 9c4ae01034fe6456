"""A star and a digit choose how one hears: they are announced, they work, and the other side hears no key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from controller.engines import Engines
from controller.frames import Pcm
from controller.messages import Outcome
from controller.pipeline.announcements import TEXTS, Sentence
from controller.stack.asterisk import AsteriskServer
from tests.fakes.clip_voice import CLIP_S, ClipVoice
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator
from tests.fakes.sip_phone import SipPhone
from tests.fakes.sounds import RATE, gain_of, speech_like
from tests.scenarios.scene import Scene, Talk, speak

KEYS_S = 4.0
"""Two keys, the announcement after them and what follows it."""


class Expected:
    """What is to be found in the recordings once the calls are over: to look takes time that calls do not have."""

    def __init__(self) -> None:
        self.checks: list[Callable[[], None]] = []

    def heard(self, talk: Talk, name: str, text: str, start_s: float, end_s: float) -> None:
        self.checks.append(lambda: talk.assert_heard(name, text, start_s, end_s))

    def undimmed(self, talk: Talk, name: str, said: Pcm, start_s: float, end_s: float) -> None:
        def check() -> None:
            assert gain_of(said[RATE // 2 : RATE], talk.heard(name, start_s, end_s)) > 0.7

        self.checks.append(check)

    async def press(self, talk: Talk, name: str, keys: str, *sentences: tuple[str, Sentence]) -> float:
        """Press, and hear what is announced to whom; gives back when, on the call's clock."""
        began = talk.conversation.now()
        talk.phones[name].press(keys)
        await asyncio.sleep(KEYS_S)
        for listener, sentence in sentences:
            text = TEXTS[talk.figures(listener).language][sentence]
            self.heard(talk, listener, text, began, began + KEYS_S - 1)
        return began


async def say(talk: Talk, name: str, pcm: Pcm) -> float:
    """One says something; gives back when, once everything that follows from it must be over."""
    began = talk.conversation.now()
    talk.phones[name].say(pcm)
    await asyncio.sleep(len(pcm) / RATE + CLIP_S + 3)
    return began


async def repeat_and_slower(talk: Talk, expected: Expected, voice: ClipVoice) -> None:
    await speak([talk], count=1)
    began = await expected.press(talk, "b", "*1", ("b", Sentence.AGAIN))
    expected.heard(talk, "b", "es: heard 1", began + 1, began + KEYS_S)
    await expected.press(talk, "b", "*2", ("b", Sentence.SLOWER))
    await speak([talk], count=2)
    assert all(speed < 1 for text, speed in voice.asked if text == "es: heard 2")
    assert talk.phones["a"].stream.keys_heard == "", "controls are nobody else's business"


async def original_only(talk: Talk, expected: Expected) -> None:
    await expected.press(talk, "a", "*3", ("a", Sentence.ORIGINAL))
    words = speech_like(2, seed=1)
    began = await say(talk, "b", words)
    assert talk.played("a") == []
    expected.undimmed(talk, "a", words, began - 0.2, began + 2.5)
    await expected.press(talk, "a", "*3", ("a", Sentence.TRANSLATED))
    await say(talk, "b", speech_like(2, seed=2))
    assert len(talk.played("a")) == 1


async def interpreting_off(talk: Talk, expected: Expected) -> None:
    await expected.press(talk, "a", "*0", ("a", Sentence.OFF), ("b", Sentence.OFF))
    await say(talk, "b", speech_like(2, seed=3))
    assert talk.clauses("b") == []
    await expected.press(talk, "b", "*0", ("a", Sentence.ON), ("b", Sentence.ON))
    await speak([talk], count=1)


def test_controls(asterisk: AsteriskServer) -> None:
    voice, expected = ClipVoice(), Expected()
    pairs = [(SipPhone("a"), SipPhone("b", auto_answer=True)) for _ in range(3)]

    async def main() -> list[Talk]:
        async with Scene(asterisk, pairs, engines=Engines(FakeRecogniser(), FakeTranslator(), voice)) as scene:
            talks = [await scene.call() for _ in pairs]
            await asyncio.gather(
                repeat_and_slower(talks[0], expected, voice),
                original_only(talks[1], expected),
                interpreting_off(talks[2], expected),
            )
            for talk in talks:
                await talk.hang_up()
        return talks

    talks = asyncio.run(main())
    for check in expected.checks:
        check()
    for talk in talks:
        for delivery in talk.seen.deliveries:
            if delivery.outcome is Outcome.PLAYED:
                talk.assert_translation_heard(delivery)
