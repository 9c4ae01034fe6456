"""DeepL on a scripted stand-in over loopback HTTP: what is asked, what is tried again, what stops, what is left behind.

data/deepl_requests.json holds what DeepL's own library sent to the same stand-in, and what it was told.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from controller.engines.mt.deepl import DeepL
from controller.engines.mt.deepl.options import read
from controller.errors import (
    EngineBarred,
    EngineError,
    EngineRejected,
    EngineTimeout,
    EngineUnavailable,
)
from controller.telemetry.metrics import Registry
from tests.fakes.fake_deepl import DROPPED, SILENCE, FakeDeepL, Fault, fake_deepl

NOON = date(2026, 11, 23)
PLENTY_S = 10.0
LIBRARY = json.loads((Path(__file__).parent / "data" / "deepl_requests.json").read_text(encoding="utf-8"))["requests"]


class Rig:
    """An engine and what it talks to."""

    def __init__(self, engine: DeepL, server: FakeDeepL, metrics: Registry) -> None:
        self.engine = engine
        self.server = server
        self._metrics = metrics

    async def say(self, text: str, source: str = "en", target: str = "es", context: tuple[str, ...] = ()) -> str:
        return await self.engine.translate(text, source, target, context)

    def figure(self, name: str) -> dict[str, float]:
        found = next(one for one in self._metrics.snapshot() if one["name"] == name)
        return {",".join(labels): value for labels, value in found["samples"]}


@asynccontextmanager
async def rig(today: Callable[[], date] = lambda: NOON, **options: Any) -> AsyncIterator[Rig]:
    async with fake_deepl() as server:
        given = {"key": "k", "host": server.url, "deadline_s": PLENTY_S, **options}
        metrics = Registry()
        engine = DeepL(read(given), metrics, today=today, chance=lambda: 0.0)
        try:
            yield Rig(engine, server, metrics)
        finally:
            await engine.aclose()


def test_a_clause_is_translated() -> None:
    async def main() -> None:
        async with rig() as one:
            assert await one.say("Hello.", context=("Good morning.", "I am Ana.")) == "ES: HELLO."
            assert one.server.asked[0].body["context"] == "Good morning. I am Ana."
            assert one.figure("dragoman_deepl_characters_total") == {"": 6}

    asyncio.run(main())


@pytest.mark.parametrize(
    ("source", "target", "options", "wanted"),
    [
        ("en", "de", {}, {"source_lang": "EN", "target_lang": "DE"}),
        ("EN", "pt", {}, {"source_lang": "EN", "target_lang": "PT-PT"}),
        ("de", "En", {}, {"source_lang": "DE", "target_lang": "EN-US"}),
        ("de", "en", {"targets": {"EN": "en-gb"}}, {"target_lang": "EN-GB"}),
        ("no", "en", {}, {"source_lang": "NB"}),
        ("", "es", {"glossaries": {"en-es": "g"}}, {"source_lang": None, "glossary_id": None}),
        ("en", "es", {"glossaries": {"EN-es": "g"}}, {"glossary_id": "g"}),
        ("es", "en", {"glossaries": {"en-es": "g"}}, {"glossary_id": None}),
        ("en", "es", {"formality": "more"}, {"formality": "prefer_more"}),
        ("en", "es", {"formality": "prefer_less"}, {"formality": "prefer_less"}),
        ("en", "es", {}, {"formality": None, "context": None}),
    ],
)
def test_what_is_asked(source: str, target: str, options: dict[str, Any], wanted: dict[str, Any]) -> None:
    async def main() -> None:
        async with rig(**options) as one:
            await one.say("Yes.", source, target)
            body = one.server.asked[0].body
            assert {name: body.get(name) for name in wanted} == wanted

    asyncio.run(main())


@pytest.mark.parametrize("theirs", LIBRARY)
def test_a_request_is_what_the_library_sends(theirs: dict[str, Any]) -> None:
    async def main() -> None:
        async with rig(**{"key": "a-key", **theirs["options"]}) as one:
            text, source, target, context = theirs["said"]
            await one.say(text, source, target, tuple(context))
            ours = one.server.asked[0]
            assert ours.path == theirs["path"]
            assert {name: ours.headers[name] for name in theirs["headers"]} == theirs["headers"]
            assert json.dumps(ours.body) == json.dumps(theirs["body"])  # the order too

    asyncio.run(main())


@pytest.mark.parametrize(
    "fault", [Fault(429), Fault(500), Fault(503), DROPPED, Fault(200, body="<html>"), Fault(200, body="{}")]
)
def test_one_fault_that_may_pass_is_tried_again_and_two_are_told(fault: Fault) -> None:
    async def main() -> None:
        async with rig() as one:
            one.server.faults.append(fault)
            tried_again = fault.body != "{}"
            if tried_again:
                assert await one.say("Hello.") == "ES: HELLO."
                assert len(one.server.asked) == 2
            one.server.faults.extend([fault, fault, fault])
            with pytest.raises(EngineUnavailable) as told:
                await one.say("Bye.")
            assert told.value.engine == "deepl"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (401, EngineBarred, "DEEPL_AUTH_KEY"),
        (403, EngineBarred, "DEEPL_AUTH_KEY"),
        (456, EngineBarred, "quota"),
        (400, EngineRejected, "scripted"),
        (413, EngineRejected, "413"),
    ],
)
def test_a_refusal_is_not_tried_again(status: int, error: type[EngineError], words: str) -> None:
    async def main() -> None:
        async with rig() as one:
            one.server.faults.append(Fault(status))
            with pytest.raises(error, match=words):
                await one.say("Hello.")
            assert len(one.server.asked) == 1

    asyncio.run(main())


def test_one_silence_is_tried_again_and_two_end_in_time() -> None:
    async def main() -> None:
        async with rig(deadline_s=2.0) as one:
            one.server.faults.append(SILENCE)
            assert await one.say("Hello.") == "ES: HELLO."
            one.server.faults.extend([SILENCE, SILENCE])
            began = asyncio.get_running_loop().time()
            with pytest.raises(EngineTimeout):
                await one.say("Bye.")
            assert asyncio.get_running_loop().time() - began < PLENTY_S / 2
            assert len(one.server.asked) == 4

    asyncio.run(main())


def test_retry_after_is_kept_or_not_waited_for() -> None:
    async def main() -> None:
        async with rig() as one:
            one.server.faults.append(Fault(429, {"Retry-After": "0.3"}))
            began = asyncio.get_running_loop().time()
            await one.say("Hello.")
            assert asyncio.get_running_loop().time() - began >= 0.3
            one.server.faults.append(Fault(429, {"Retry-After": "60"}))
            with pytest.raises(EngineUnavailable, match="throttles"):
                await one.say("Bye.")
            assert len(one.server.asked) == 3
            one.server.faults.append(Fault(503, {"Retry-After": "Mon, 23 Nov 2026 12:00:00 GMT"}))
            assert await one.say("Bye.") == "ES: BYE."

    asyncio.run(main())


async def _silenced(one: Rig) -> None:
    one.server.faults.extend([SILENCE, SILENCE])
    with pytest.raises(EngineTimeout):
        await one.say("Hello.")


async def _cancelled(one: Rig) -> None:
    one.server.faults.append(SILENCE)
    saying = asyncio.create_task(one.say("Hello."))
    while not one.server.silent:
        await asyncio.sleep(0)
    saying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saying


@pytest.mark.parametrize("trouble", [_silenced, _cancelled])
def test_no_answer_leaves_no_task_thread_or_connection(trouble: Callable[[Rig], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with rig(deadline_s=1.0) as one:
            before, threads = asyncio.all_tasks(), threading.active_count()
            await trouble(one)
            async with asyncio.timeout(PLENTY_S):
                while one.server.silent or asyncio.all_tasks() - before - _server_tasks():
                    await asyncio.sleep(0)
            assert threading.active_count() == threads
            assert await one.say("Bye.") == "ES: BYE."  # and it works as before

    asyncio.run(main())


def _server_tasks() -> set[asyncio.Task[Any]]:
    """Those of the stand-in's own connections."""
    return {one for one in asyncio.all_tasks() if "RequestHandler" in repr(one.get_coro())}


def test_sentences_of_one_moment_share_a_request_and_other_calls_words_do_not() -> None:
    async def main() -> None:
        async with rig() as one:
            said = await asyncio.gather(
                one.say("First.", context=("Before.",)),
                one.say("Second.", context=("Before.", "First.")),
                one.say("Third.", context=("Before.", "First.", "Second.")),
                one.say("Elsewhere.", context=("Another call.",)),
                one.say("Zuerst.", "de", "es", context=("Before.",)),
            )
            assert list(said) == ["ES: FIRST.", "ES: SECOND.", "ES: THIRD.", "ES: ELSEWHERE.", "ES: ZUERST."]
            bodies = [(one.body["text"], one.body["context"]) for one in one.server.asked]
            assert sorted(bodies) == [
                (["Elsewhere."], "Another call."),
                (["First.", "Second.", "Third."], "Before. First. Second."),
                (["Zuerst."], "Before."),
            ]

    asyncio.run(main())


def test_who_goes_leaves_the_others_their_request() -> None:
    async def main() -> None:
        async with rig() as one:
            one.server.delay_s = 0.1
            going, staying = (asyncio.create_task(one.say(text)) for text in ("Going.", "Staying."))
            while not one.server.asked:
                await asyncio.sleep(0)
            going.cancel()
            assert await staying == "ES: STAYING."
            assert len(one.server.asked) == 1

    asyncio.run(main())


def test_one_refusal_is_told_to_all_who_shared_the_request() -> None:
    async def main() -> None:
        async with rig() as one:
            one.server.faults.append(Fault(456))
            said = await asyncio.gather(one.say("A."), one.say("B."), return_exceptions=True)
            assert [type(each) for each in said] == [EngineBarred, EngineBarred]
            assert len(one.server.asked) == 1

    asyncio.run(main())


def test_what_is_known_is_not_asked_again_unless_something_else_was_said_before() -> None:
    async def main() -> None:
        async with rig(cache=2) as one:
            await one.say("Right.")
            await one.say("Right.")
            assert len(one.server.asked) == 1
            await one.say("Right.", context=("Left or right?",))
            assert len(one.server.asked) == 2
            await one.say("Wrong.")  # the third, so that the oldest goes
            await one.say("Right.")
            assert len(one.server.asked) == 4
            assert one.figure("dragoman_deepl_cache_total") == {"hit": 1, "miss": 4}

    asyncio.run(main())


def test_nothing_and_too_much_are_not_asked() -> None:
    async def main() -> None:
        async with rig() as one:
            assert await one.say("  ") == ""
            with pytest.raises(EngineRejected, match="more than DeepL takes"):
                await one.say("é" * 40_000)
            with pytest.raises(EngineRejected, match="no pair en -> xx"):
                await one.say("Hello.", target="xx")
            assert not one.server.asked
            assert one.engine.translates("EN", "es")
            assert not one.engine.translates("en", "EN")

    asyncio.run(main())


def test_many_texts_of_one_moment_are_no_request_too_large() -> None:
    async def main() -> None:
        async with rig() as one:
            texts = [f"{number} " + "x" * 9_000 for number in range(60)]
            said = await asyncio.gather(*(one.say(text) for text in texts))
            assert said == [f"ES: {text.upper()}" for text in texts]
            assert all(sum(map(len, asked.body["text"])) < 100_000 for asked in one.server.asked)
            await asyncio.gather(*(one.say(f"{number}.") for number in range(60)))
            assert max(len(asked.body["text"]) for asked in one.server.asked) == 50

    asyncio.run(main())


def test_the_limit_of_a_day_holds_until_the_next() -> None:
    async def main() -> None:
        day = [NOON]
        async with rig(lambda: day[0], characters_per_day=10) as one:
            await one.say("Six...")
            with pytest.raises(EngineBarred, match="characters_per_day of 10 is reached"):
                await one.say("Five.")
            await one.say("Four")
            with pytest.raises(EngineBarred, match="midnight"):
                await one.engine.probe()
            day[0] = date(2026, 11, 24)
            assert await one.say("Five.") == "ES: FIVE."
            assert len(one.server.asked) == 3

    asyncio.run(main())


def test_what_failed_is_not_counted_as_spent() -> None:
    async def main() -> None:
        async with rig(characters_per_day=6) as one:
            one.server.faults.append(Fault(400))
            with pytest.raises(EngineRejected):
                await one.say("Six...")
            assert await one.say("Six...") == "ES: SIX..."

    asyncio.run(main())


@pytest.mark.parametrize("trouble", [_silenced, _cancelled])
def test_what_was_given_up_counts_as_spent(trouble: Callable[[Rig], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with rig(deadline_s=1.0, characters_per_day=6) as one:
            await trouble(one)
            async with asyncio.timeout(PLENTY_S):
                while one.server.silent:
                    await asyncio.sleep(0)
            with pytest.raises(EngineBarred, match="characters_per_day"):
                await one.say("Bye.")

    asyncio.run(main())


def test_the_limit_of_a_month_goes_by_what_deepl_has_counted() -> None:
    async def main() -> None:
        async with rig(characters_per_month=1000) as one:
            one.server.usage = (995, 500_000)
            await one.engine.probe()
            assert one.figure("dragoman_deepl_quota_characters") == {"used": 995, "limit": 500_000}
            await one.say("Four")
            with pytest.raises(EngineBarred, match="characters_per_month"):
                await one.say("Two")

    asyncio.run(main())


def test_a_probe_costs_nothing_and_is_seldom_asked() -> None:
    async def main() -> None:
        async with rig() as one:
            for _ in range(5):
                await one.engine.probe()
            assert (one.server.usages, one.server.asked) == (1, [])
            one.server.faults.append(Fault(456))
            with pytest.raises(EngineBarred):
                await one.say("Hello.")
            one.server.usage = (500_000, 500_000)
            for _ in range(2):  # as often as it is asked, until it is well
                with pytest.raises(EngineBarred, match="500,000"):
                    await one.engine.probe()
            one.server.usage = Fault(403)
            with pytest.raises(EngineBarred, match="refuses the key"):
                await one.engine.probe()

    asyncio.run(main())
