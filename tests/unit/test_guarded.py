"""A translation that loses something goes to the next translator within the clause's time, or on with a mark."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import Sequence

import pytest

from controller.demo.captions import Captions
from controller.engines.mt import Rendered, Translator
from controller.engines.mt.guarded import Guarded
from controller.engines.registry import second_opinions
from controller.errors import EngineError, EngineUnavailable
from controller.meaning import Finding, Kind
from controller.messages import Clause, Delivery, Outcome, Span, Translation
from controller.settings import EngineSettings, FallbackSettings
from controller.telemetry.figures import Figures
from controller.telemetry.metrics import Registry
from tests.fakes.fake_call import bench, virtual
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator

SAID = "I do not have 25 rooms."
LESS, ALL = "No tengo habitaciones.", "No tengo 25 habitaciones."


class Saying(FakeTranslator):
    """Says `text`, whatever it is asked, or fails."""

    def __init__(self, name: str, text: str | EngineError, delay_s: float = 0.1, target: str = "es") -> None:
        super().__init__(delay_s)
        self.name = name
        self.text = text
        self.target = target

    def translates(self, source: str, target: str) -> bool:
        return target == self.target

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        await super().translate(text, source, target, context)
        if isinstance(self.text, EngineError):
            raise self.text
        return self.text


class Asked:
    """Counts what is told."""

    def __init__(self) -> None:
        self.told: Counter[tuple[str, str, str]] = Counter()

    def __call__(self, engine: str, asked: str, outcome: str) -> None:
        self.told[engine, asked, outcome] += 1


async def translated(first: Translator, *others: Translator) -> tuple[str, dict[tuple[str, str, str], int]]:
    asked = Asked()
    text = await Guarded(first, others, 2.0, asked).translate(SAID, "en", "es", ("before",))
    return text, dict(asked.told)


@virtual
async def test_a_translation_that_says_all_is_the_first_ones_and_nobody_else_is_asked() -> None:
    second = Saying("second", ALL)
    text, told = await translated(Saying("first", ALL), second)
    assert (text, told, second.contexts) == (ALL, {}, [])


@virtual
async def test_one_that_lost_a_number_goes_to_the_next_which_is_named() -> None:
    second = Saying("second", ALL)
    text, told = await translated(Saying("first", LESS), second, Saying("third", ALL))
    assert (text, told) == (ALL, {("first", "second", "mended"): 1})
    assert isinstance(text, Rendered) and text.engine == "second"
    assert second.contexts == [("before",)]


@virtual
async def test_where_none_is_better_the_first_one_goes_on() -> None:
    text, told = await translated(Saying("first", LESS), Saying("second", "Hay 24 habitaciones."))
    assert (text, told) == (LESS, {("first", "second", "no_better"): 1})


@virtual
async def test_less_lost_is_better_and_the_search_goes_on() -> None:
    text, told = await translated(Saying("first", "Hola."), Saying("second", LESS), Saying("third", ALL))
    assert text == ALL
    assert told == {("first", "second", "better"): 1, ("first", "third", "mended"): 1}
    text, _ = await translated(Saying("first", "Hola."), Saying("second", LESS), Saying("third", "Hola."))
    assert isinstance(text, Rendered) and (text, text.engine) == (LESS, "second")


@virtual
async def test_one_that_fails_or_has_not_the_pair_costs_nothing_but_its_time() -> None:
    down = Saying("down", EngineUnavailable("no", engine="down"))
    text, told = await translated(Saying("first", LESS), Saying("other", ALL, target="fr"), down, Saying("last", ALL))
    assert (text, told) == (ALL, {("first", "down", "failed"): 1, ("first", "last", "mended"): 1})


@virtual
async def test_all_of_them_together_keep_to_the_deadline() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    text, told = await translated(Saying("first", LESS, 0.5), Saying("slow", ALL, 1000))
    assert (text, told) == (LESS, {("first", "slow", "too_late"): 1})
    assert loop.time() - began == pytest.approx(2.0)


@virtual
async def test_whoever_made_it_is_not_asked_for_a_second_opinion() -> None:
    class Chain(Saying):
        async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
            return Rendered(LESS, "second")

    text, told = await translated(Chain("first or second", LESS), Saying("second", ALL), Saying("third", LESS))
    assert (text, told) == (LESS, {("second", "third", "no_better"): 1})


@virtual
async def test_the_first_ones_failure_is_its_own_and_a_call_that_ends_ends_the_search() -> None:
    with pytest.raises(EngineUnavailable):
        await translated(Saying("first", EngineUnavailable("no", engine="first")), Saying("second", ALL))
    work = asyncio.create_task(translated(Saying("first", LESS), Saying("slow", ALL, 1000)))
    await asyncio.sleep(1)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


@virtual
async def test_what_goes_on_is_marked_to_its_delivery() -> None:
    lost = (Finding(Kind.NUMBER, "25"),)
    mt = Guarded(Saying("first", LESS), [Saying("second", LESS)], 2.0, Asked())
    async with bench(stt=FakeRecogniser(script=[SAID]), mt=mt) as made:  # type: ignore[arg-type]
        made.phone("a", "en", (1.0, 2.0))
        made.phone("b", "es")
        await asyncio.sleep(6.0)
    assert [one.lost for one in made.seen.translations] == [lost]
    assert [one.lost for one in made.seen.deliveries] == [lost]


@pytest.mark.parametrize(
    ("mt", "chosen", "names"),
    [
        ("apertium", None, []),
        ("deepl", None, ["apertium"]),
        ("deepl", [], []),
        ("deepl", ["neural", "deepl", "apertium", "neural"], ["neural", "apertium"]),
    ],
)
def test_who_is_asked_is_a_setting(mt: str, chosen: list[str] | None, names: list[str]) -> None:
    assert second_opinions(EngineSettings(mt=mt, second_opinions=chosen), FallbackSettings()) == names


def test_who_takes_over_is_asked_too() -> None:
    assert second_opinions(EngineSettings(mt="deepl"), FallbackSettings(mt=["neural"])) == ["neural"]


CLAUSE = Clause("a-1", "a", SAID, Span(0.0, 2.0), "en")


def test_the_caption_says_what_may_be_lost() -> None:
    out = io.StringIO()
    captions = Captions(out)
    lost = (Finding(Kind.NUMBER, "25"),)
    captions.delivered("call", Delivery(CLAUSE, "b", "es", Outcome.PLAYED, None, LESS, 2.5, 3.0, None, {}, lost))
    captions.delivered("call", Delivery(CLAUSE, "c", "es", Outcome.PLAYED, None, ALL, 2.5, 3.0, None, {}))
    captions.close()
    assert out.getvalue().count("perhaps lost, a number: 25") == 1


def test_the_rate_is_a_metric_of_few_labels() -> None:
    registry = Registry()
    figures = Figures(registry)
    lost = tuple(Finding(kind, f"words {kind}") for kind in Kind)
    for text, found in ((LESS, lost), (ALL, ()), (ALL, ())):
        figures.translated("call", Translation(CLAUSE, "es", text, "apertium", found))
    families = {one["name"]: one["samples"] for one in registry.snapshot()}
    assert sorted(families["dragoman_translations_total"]) == [[["apertium", "kept"], 2.0], [["apertium", "lost"], 1.0]]
    assert families["dragoman_meaning_lost_total"] == [[["apertium", kind.value], 1.0] for kind in Kind]
