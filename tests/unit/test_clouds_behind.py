"""Deepgram and DeepL, as their stand-ins answer, with another engine behind each: who goes on, and how soon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from controller.engines.fallback.mt import FallbackTranslator
from controller.engines.mt.deepl import DeepL
from controller.engines.mt.deepl.options import read
from controller.engines.stt.deepgram import Deepgram
from controller.engines.stt.deepgram.session import REFUSED_S
from controller.recovery.breaker import Limits, State
from controller.telemetry.metrics import Registry
from controller.virtual_time import run
from tests.fakes.deepgram_rig import options, scripted
from tests.fakes.fake_chain import SeenWatch, recogniser, translator
from tests.fakes.fake_deepgram import Fault as Refusal
from tests.fakes.fake_deepgram import MemoryTransport
from tests.fakes.fake_deepl import SILENCE, FakeDeepL, Fault, fake_deepl
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator

CLAUSE_S = 2.0
"""What `translator` gives all of them together."""


@pytest.mark.virtual_time
@pytest.mark.parametrize("fault", [Refusal.UNAUTHORISED, Refusal.UNPAID, Refusal.FORBIDDEN])
def test_a_wrong_key_leaves_deepgram_alone_at_once_before_anybody_speaks(fault: Refusal) -> None:
    async def main() -> None:
        service, _ = scripted(5.0)
        service.always = fault
        chosen, watch, now = options(), SeenWatch(), asyncio.get_running_loop().time
        chain = recogniser(
            Deepgram(chosen, MemoryTransport(service, chosen), Registry()), FakeRecogniser(), watch=watch
        )
        streams = [chain.open("a", "en", now)]
        await asyncio.sleep(0.5)
        assert watch.states["deepgram", "stt"] is State.OPEN
        streams.append(chain.open("b", "en", now))
        await asyncio.sleep(200)
        assert len(service.asked) <= 1 + 200 // REFUSED_S, "once a minute by the stream that was open, and by no other"
        for stream in streams:
            await stream.aclose()

    run(main())


@asynccontextmanager
async def behind(*, limits: Limits | None = None) -> AsyncIterator[tuple[FallbackTranslator, FakeDeepL, SeenWatch]]:
    async with fake_deepl() as server:
        engine = DeepL(read({"key": "k", "host": server.url}), Registry(), chance=lambda: 0.0)
        watch = SeenWatch()
        try:
            yield translator(engine, FakeTranslator(0.01), watch=watch, limits=limits), server, watch
        finally:
            await engine.aclose()


async def maker(mt: FallbackTranslator, text: str) -> str:
    """Who translated it, which must be within the clause's time."""
    async with asyncio.timeout(CLAUSE_S):
        return str(getattr(await mt.translate(text, "en", "es", ()), "engine", ""))


@pytest.mark.parametrize(
    ("faults", "asked", "made"),
    [
        ([Fault(429)], 2, "deepl"),
        ([Fault(429), Fault(429)], 2, "fake-mt"),
        ([SILENCE, SILENCE], 2, "fake-mt"),
        ([Fault(403)], 1, "fake-mt"),
        ([Fault(456)], 1, "fake-mt"),
    ],
)
def test_a_clause_is_translated_in_its_time_whatever_deepl_answers(faults: list[Fault], asked: int, made: str) -> None:
    async def main() -> None:
        async with behind() as (mt, server, _):
            server.faults.extend(faults)
            assert await maker(mt, "Hello.") == made
            assert len(server.asked) == asked

    asyncio.run(main())


@pytest.mark.parametrize("status", [403, 456])
def test_who_refuses_for_long_is_not_asked_for_the_next_clause(status: int) -> None:
    async def main() -> None:
        async with behind() as (mt, server, watch):
            server.faults.append(Fault(status))
            for number in range(5):
                assert await maker(mt, f"Clause {number}.") == "fake-mt"
            assert len(server.asked) == 1
            assert watch.states["deepl", "mt"] is State.OPEN

    asyncio.run(main())


def test_ten_callers_at_half_open_are_one_request_to_deepl() -> None:
    async def main() -> None:
        async with behind(limits=Limits(failures=1, open_s=0.0)) as (mt, server, watch):
            server.faults.extend([Fault(429), Fault(429)])
            await maker(mt, "Hello.")
            assert watch.states["deepl", "mt"] is State.OPEN
            server.asked.clear()
            made = await asyncio.gather(*(maker(mt, f"Clause {number}.") for number in range(10)))
            assert sorted(made) == ["deepl"] + ["fake-mt"] * 9
            assert [len(one.body["text"]) for one in server.asked] == [1]

    asyncio.run(main())
