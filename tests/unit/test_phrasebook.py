"""Set phrases of the telephone are known by heart; what the recorded prompts say is not among them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from copy import deepcopy

import pytest

from controller.demo.script import texts
from controller.engines.mt import Rendered
from controller.engines.mt.apertium import Apertium, make
from controller.engines.mt.phrasebook import Phrasebook, parsed, phrases
from controller.engines.registry import EngineContext
from controller.meaning import check
from controller.settings import TritonSettings
from controller.text import fold, sentences
from controller.triton.client import TritonClient
from export.setup.cache import Cache
from tests.fakes.fake_call import bench, virtual
from tests.fakes.fake_chain import translator
from tests.fakes.fake_engines import FakeTranslator
from tests.requirements import require_or_skip

DIRECTIONS = [("en", "es"), ("es", "en")]


class Asked(FakeTranslator):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.texts: list[str] = []

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        self.texts.append(text)
        return await super().translate(text, source, target, context)


def translated(text: str, source: str = "en", target: str = "es") -> tuple[str, list[str]]:
    engine = Asked()
    return asyncio.run(Phrasebook(engine).translate(text, source, target, ())), engine.texts


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("Who's calling, please?", "en", "¿Quién llama?"),
        ("who is CALLING", "en-US", "¿Quién llama?"),
        ("De nada!", "es", "You're welcome."),
        ("¿Podria repetirlo por favor?", "es-MX", "Could you repeat that, please?"),
        ("Hi. How are you?", "en", "Hola. ¿Cómo está?"),
        ("Hi, good morning.", "en", "Hola, buenos días."),
        ("Sí, soy yo.", "es", "Yes, speaking."),
        ("Vale, no lo sé.", "es", "Okay, I don't know."),
    ],
)
def test_a_phrase_is_known_however_it_is_spelt(text: str, source: str, expected: str) -> None:
    told, asked = translated(text, source, "es" if source.startswith("en") else "en")
    assert (told, asked) == (expected, [])
    assert isinstance(told, Rendered) and told.engine == "phrasebook"


@pytest.mark.parametrize(
    ("text", "expected", "asked"),
    [
        ("My dog has fleas.", "es: My dog has fleas.", ["My dog has fleas."]),
        ("Good morning. My dog has fleas.", "Buenos días. es: My dog has fleas.", ["My dog has fleas."]),
        (
            "I see. It hurts. It itches. Many thanks.",
            "Entiendo. es: It hurts. It itches. Muchísimas gracias.",
            ["It hurts. It itches."],
        ),
        ("Hi, my dog.", "es: Hi, my dog.", ["Hi, my dog."]),
        ("How are you, hi.", "es: How are you, hi.", ["How are you, hi."]),
        ("", "es: ", [""]),
    ],
)
def test_what_is_not_known_is_the_engines(text: str, expected: str, asked: list[str]) -> None:
    told, really = translated(text)
    assert (told, really) == (expected, asked)
    assert not isinstance(told, Rendered)


def test_other_pairs_are_the_engines_alone() -> None:
    assert translated("Hi.", "en", "fr") == ("fr: Hi.", ["Hi."])


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_it_is_a_book_of_some_size_and_each_phrase_comes_back(source: str, target: str) -> None:
    there, back = phrases(source, target), phrases(target, source)
    assert len(set(there.values())) >= 150
    for words, told in there.items():
        assert len(words) <= 16
        assert re.fullmatch(r"[A-Za-záéíóúñüÁÉÍÓÚ ,.?!¿¡']+", told), told
        assert tuple(fold(told)) in back, f"{told!r} is not understood"


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_its_phrases_say_what_they_translate(source: str, target: str) -> None:
    """And so two hundred right translations more are not accused."""
    accused = {
        " ".join(words): found
        for words, told in phrases(source, target).items()
        if (found := check(" ".join(words), source, told, target))
    }
    assert accused == {}


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_recorded_prompt_is_in_it(language: str) -> None:
    """Or the benches, which speak them, would measure the book."""
    folder = Cache.default().prompts
    require_or_skip("offline", folder.exists(), f"{folder} does not exist; run `make setup`")
    spoken = [one for text in texts(folder, language).values() for one in (text, *sentences(text))]
    known = phrases(language, "es" if language == "en" else "en")
    assert sorted({one for one in spoken if tuple(fold(one)) in known}) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello.", "line 1 is no pair"),
        ("# x\nHi. = Hola.\nhi! = Buenas.", "line 3 has 'hi!'"),
        ("... = Hola.", "nothing"),
    ],
)
def test_a_wrong_book_is_refused_by_its_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parsed(text)


@pytest.mark.parametrize(
    ("options", "kind"), [({}, Phrasebook), ({"phrasebook": True}, Phrasebook), ({"phrasebook": False}, Apertium)]
)
def test_it_can_be_switched_off(options: dict[str, object], kind: type[object]) -> None:
    async def main() -> None:
        async with TritonClient("127.0.0.1:1") as triton:
            engine = make(EngineContext(triton, TritonSettings(), options))
            assert isinstance(engine, kind)
            assert engine.name == "apertium"
            assert engine.translates("en", "es")

    asyncio.run(main())


@virtual
async def test_who_made_it_is_told_by_a_chain_and_by_a_copy_and_not_by_the_text_that_goes_on() -> None:
    class Book(FakeTranslator):
        async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
            return Rendered("hola", "phrasebook")

    mt = translator(Book(), FakeTranslator())
    copy = deepcopy(await mt.translate("hello", "en", "es", ()))
    assert isinstance(copy, Rendered) and (copy, copy.engine) == ("hola", "phrasebook")
    async with bench(mt=mt) as made:  # type: ignore[arg-type]
        made.phone("a", "en", (1.0, 2.0))
        made.phone("b", "es")
        await asyncio.sleep(6.0)
    (one,) = made.seen.translations
    assert (type(one.text), one.engine) == (str, "phrasebook")
