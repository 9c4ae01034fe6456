"""A translator of the user's own on the real Triton: OPUS-MT and NLLB by value, alone and in company; refusals."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from controller.engines.mt.neural import make
from controller.engines.registry import EngineContext
from controller.errors import EngineRejected
from controller.settings import TritonSettings
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.triton.client import TritonClient
from controller.triton.contracts import translate
from export import cli
from export.setup.cache import Cache
from tests.integration.asking import ask, metric
from tests.requirements import require_or_skip
from tests.spm_file import spm

WORDS = "hello world where is the hotel good morning one two three four five"
PIECES = [f"\u2581{word}" for word in WORDS.split()] + ["\u2581", *"abcdefghijklmnopqrstuvwxyz.?!"]
VOCABULARY = ["<unk>", "<s>", "</s>", *PIECES]
TINY = Path(__file__).with_name("tiny_mt.py")


@dataclass
class Tiny:
    """A checkpoint, and what CTranslate2 itself says to rows of tokens."""

    folder: Path
    vocabulary: list[str] = field(default_factory=lambda: list(VOCABULARY))
    adds_end: bool = False
    seed: int = 1

    def made(self, *asked: tuple[list[str], list[str]]) -> list[list[str]]:
        """The folder, and an answer for each (tokens, prefix)."""
        rows = [{"tokens": tokens, "prefix": prefix, "length": len(tokens)} for tokens, prefix in asked]
        wanted = {"vocabulary": self.vocabulary, "adds_end": self.adds_end, "seed": self.seed, "asked": rows}
        command = [Cache.default().python("triton"), TINY, self.folder]
        done = subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (self.folder / "source.spm").write_bytes(spm([(piece, -float(place)) for place, piece in enumerate(PIECES)]))
        answers: list[list[str]] = json.loads(done.stdout)
        return answers


def text(tokens: list[str], *special: str) -> str:
    """Tokens as they are read."""
    kept = [token for token in tokens if token not in ("<s>", "</s>", *special)]
    return " ".join("".join(kept).replace("\u2581", " ").split())


@dataclass
class Served:
    """Both kinds of model on one server, and what they should say."""

    server: TritonServer
    opus: dict[str, str]
    nllb: str


QUESTIONS = ("hello world", "where is the hotel", "good morning", "one two three four five")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    cache = Cache.default()
    for path in (cache.tritonserver, cache.python("triton"), cache.libpython):
        require_or_skip("triton", path.exists(), f"{path} does not exist; run `make setup`")
    folder = tmp_path_factory.mktemp("mt")
    opus = Tiny(folder / "opus-mt-en-es")
    rows = [[f"\u2581{word}" for word in question.split()] for question in QUESTIONS]
    answers = opus.made(*(([*row, "</s>"], []) for row in rows))
    nllb = Tiny(folder / "tiny-nllb", [*VOCABULARY, "eng_Latn", "spa_Latn", "fra_Latn"], seed=2)
    [told] = nllb.made((["eng_Latn", *rows[0], "</s>"], ["fra_Latn"]))
    out = folder / "repository"
    for tiny in (opus, nllb):
        assert cli.main(["mt", "--checkpoint", str(tiny.folder), "--out", str(out)]) == 0
    with Run() as run:
        server = TritonServer(run, out)
        server.start()
        said = dict(zip(QUESTIONS, map(text, answers), strict=True))
        yield Served(server, said, text(told, "eng_Latn", "spa_Latn", "fra_Latn"))


def asked(served: Served, words: str, source: str, target: str, model: str) -> str:
    return ask(served.server, lambda client: translate(client, words, source, target, model=model))


def test_it_says_what_ctranslate2_says(served: Served) -> None:
    assert len(set(served.opus.values())) > 1, "random weights that answer everything alike prove nothing"
    for question, answer in served.opus.items():
        assert asked(served, question, "en", "es", "opus-mt-en-es") == answer
        assert asked(served, f"  {question}\n", "en-US", "es-MX", "opus-mt-en-es") == answer
    assert asked(served, QUESTIONS[0], "en", "fr", "tiny-nllb") == served.nllb


def test_sentences_are_translated_one_by_one(served: Served) -> None:
    first, last = (asked(served, one, "en", "es", "opus-mt-en-es") for one in ("hello world.", "The hotel?"))
    assert asked(served, "hello world. The hotel?", "en", "es", "opus-mt-en-es") == f"{first} {last}"
    assert asked(served, " \n", "en", "es", "opus-mt-en-es") == ""


def test_company_changes_nothing(served: Served) -> None:
    """Forty at once, of four lengths, so that some share a batch."""
    questions = [question for _ in range(10) for question in QUESTIONS]

    async def all_at_once(client: TritonClient) -> list[str]:
        works = [translate(client, one, "en", "es", model="opus-mt-en-es", deadline_s=30) for one in questions]
        return await asyncio.gather(*works)

    def counted(what: str) -> float:
        return metric(served.server, f"dragoman_mt_{what}_total", 'model="opus-mt-en-es"')

    before = counted("sentences"), counted("batches")
    assert ask(served.server, all_at_once) == [served.opus[question] for question in questions]
    sentences, batches = counted("sentences") - before[0], counted("batches") - before[1]
    assert sentences == 40
    assert batches < 40, "none shared a batch"


@pytest.mark.parametrize(
    ("words", "source", "target", "model", "said"),
    [
        ("hello", "es", "en", "opus-mt-en-es", "cannot translate es to en: it has en-es"),
        ("hello", "en", "de", "tiny-nllb", "cannot translate en to de: it has every pair of en, es, fr"),
        ("one " * 500, "en", "es", "opus-mt-en-es", "500 tokens, and 400 is the most"),
        ("Hello. " * 100, "en", "es", "opus-mt-en-es", "100 sentences, and 64 is the most"),
    ],
)
def test_what_it_cannot_do_is_refused_in_a_sentence(
    served: Served, words: str, source: str, target: str, model: str, said: str
) -> None:
    with pytest.raises(EngineRejected, match=said):
        asked(served, words, source, target, model)


def test_the_engine_translates_with_them(served: Served) -> None:
    options: dict[str, Any] = {"models": {"opus-mt-en-es": ["en-es"], "tiny-nllb": ["en", "fr"]}}

    async def both(client: TritonClient) -> list[str]:
        engine = make(EngineContext(client, TritonSettings(), options))
        await engine.probe()
        assert engine.translates("en", "es") and engine.translates("fr-CA", "en") and not engine.translates("es", "en")
        return [await engine.translate(QUESTIONS[0], "en", target, ()) for target in ("es", "fr")]

    assert ask(served.server, both) == [served.opus[QUESTIONS[0]], served.nllb]
