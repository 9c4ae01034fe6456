"""A room of four on the real Asterisk, three languages, scripted engines: one after the other comes, speaks, goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np

from asterisk.render import Extension
from controller.demo.script import prompts
from controller.frames import Pcm
from controller.stack.phone import SoftPhone
from controller.stack.process import Run
from controller.stack.wav import PHONE_RATE
from export.setup.cache import Cache
from tests.fakes.fake_engines import fake_engines
from tests.fakes.sounds import likeness
from tests.scenarios.rig import STEP_S, Rig
from tests.scenarios.transport import off

EXTENSIONS = [Extension(f"80{n}", language, room="weekly") for n, language in enumerate(("en", "es", "fr"))]
NUMBERS = {"en": "800", "es": "801", "fr": "802"}
PROMPT = "check-number-dial-again"


def one_sentence() -> Pcm:
    """A second of silence, a sentence, and long silence."""
    ((_, pcm),) = prompts(Cache.default().prompts, "en", [PROMPT])
    return np.concatenate([np.zeros(PHONE_RATE, np.int16), pcm, np.zeros(60 * PHONE_RATE, np.int16)])


@asynccontextmanager
async def phones(run: Run, *names: str) -> AsyncIterator[list[SoftPhone]]:
    made = [SoftPhone(run, name, one_sentence()) for name in names]
    try:
        await asyncio.gather(*(off(phone.start) for phone in made))
        yield made
    finally:
        await asyncio.gather(*(off(phone.stop) for phone in made))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(STEP_S):
        while not condition():
            await asyncio.sleep(0.05)


def test_they_come_speak_are_heard_and_go(run: Run) -> None:
    async def main() -> Rig:
        settings = {"calls": {"participants": 4}}
        async with (
            Rig(run, None, [], engines=fake_engines(), settings=settings, extensions=EXTENSIONS) as rig,
            phones(run, "eva", "ann", "luc", "bob", "eve") as (eva, ann, luc, bob, eve),
        ):

            async def comes(phone: SoftPhone, language: str) -> None:
                await off(phone.dial, rig.asterisk.sip_uri(NUMBERS[language]))
                await off(phone.wait_established, STEP_S)

            def told(speaker: str) -> set[tuple[str, str]]:
                return {(d.listener, (d.target or "")[:2]) for d in rig.seen.deliveries if d.clause.speaker == speaker}

            await comes(eva, "es")
            (conversation,) = await rig.watch.up()
            await until(lambda: any(clause.speaker == "p1" for clause in rig.seen.clauses))
            assert rig.seen.deliveries == [], "she speaks to an empty room"

            await comes(ann, "en")
            await until(lambda: told("p2") == {("p1", "es")})
            await comes(luc, "fr")
            await until(lambda: told("p3") == {("p1", "es"), ("p2", "en")})
            await comes(bob, "en")
            await until(lambda: told("p4") == {("p1", "es"), ("p3", "fr")})
            assert [leg.language for leg in conversation.legs.values()] == ["es", "en", "fr", "en"]

            await off(eve.dial, rig.asterisk.sip_uri(NUMBERS["es"]))
            assert "limit of 4 participants" in await rig.watch.turned_away()
            await off(eve.wait_ended)
            assert "486" in eve.log or "Busy" in eve.log

            luc.hang_up()
            await until(lambda: list(conversation.legs) == ["p1", "p2", "p4"])
            assert eva.in_call and ann.in_call and bob.in_call
            for phone in (eva, ann, bob):
                await off(phone.hang_up)
            (ended,) = await rig.watch.over()
            assert ended.by == "room"
            # Ann shares Bob's language: his sentence reached her as it is, and undimmed.
            sentence = one_sentence()[PHONE_RATE : -60 * PHONE_RATE]
            assert likeness(sentence, ann.heard()) > 0.9
        return rig

    rig = asyncio.run(main())
    assert len(rig.watch.calls) == 1


def test_a_language_that_those_present_cannot_be_given_is_refused(run: Run) -> None:
    async def main() -> None:
        extensions = [*EXTENSIONS, Extension("809", "ja", room="weekly")]
        async with (
            Rig(run, None, [], engines=fake_engines(), extensions=extensions) as rig,
            phones(run, "ann", "yui") as (ann, yui),
        ):
            await off(ann.dial, rig.asterisk.sip_uri(NUMBERS["en"]))
            await rig.watch.up()
            await off(yui.dial, rig.asterisk.sip_uri("809"))
            assert "'ja'" in await rig.watch.turned_away()
            await off(yui.wait_ended)
            assert ann.in_call and "established" not in yui.log.lower()
            await off(ann.hang_up)
            await rig.watch.over()

    asyncio.run(main())
