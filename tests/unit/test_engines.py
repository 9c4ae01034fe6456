"""Engines are found by name, ours and those of other distributions; a wrong name or pair is told in a sentence."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from controller.engines import Engines
from controller.engines.registry import EngineContext, make, make_all, names
from controller.errors import SettingsError
from controller.settings import EngineSettings, TritonSettings
from controller.triton.client import TritonClient
from tests.fakes.fake_engines import fake_engines

PLUGIN = """
class Shouting:
    name = "shouting"
    def __init__(self, options): self.options = options
    def translates(self, source, target): return True
    async def translate(self, text, source, target, context): return text.upper()
    async def probe(self): return None

def make(context):
    return Shouting(context.options)
"""


@pytest.fixture
def other_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution `dragoman-shouting`, installed beside ours."""
    (tmp_path / "dragoman_shouting.py").write_text(PLUGIN)
    info = tmp_path / "dragoman_shouting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dragoman-shouting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dragoman.mt]\nshouting = dragoman_shouting:make\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


def test_our_engines_are_there() -> None:
    assert "whisper" in names("stt")
    assert "apertium" in names("mt")
    assert "pico" in names("tts")


def test_an_engine_of_another_distribution_plugs_in(other_distribution: None) -> None:
    async def main() -> tuple[Engines, str]:
        async with TritonClient("127.0.0.1:1") as triton:
            settings = EngineSettings(mt="shouting", options={"shouting": {"loud": True}})
            engines = make_all(settings, triton, TritonSettings())
            return engines, await engines.mt.translate("hello", "en", "xx", ())

    engines, text = asyncio.run(main())
    assert text == "HELLO"
    (member,) = engines.mt.members  # type: ignore[attr-defined]
    assert member.engine.options == {"loud": True}
    assert engines.stt.name == "whisper"


@pytest.mark.parametrize(
    ("kind", "name", "options", "words"),
    [
        ("stt", "deafgram", {}, "no stt engine 'deafgram'; installed are: .*whisper"),
        ("stt", "whisper", {"partials": "no"}, "partials = true or false"),
        ("mt", "apertium", {"formality": "more"}, "one option: phrasebook = true or false"),
        ("mt", "apertium", {"phrasebook": "no"}, "one option: phrasebook = true or false"),
        ("tts", "pico", {"pitch": 2}, "has no options"),
    ],
)
def test_a_wrong_name_or_option_is_told(kind: str, name: str, options: dict[str, object], words: str) -> None:
    async def main() -> None:
        async with TritonClient("127.0.0.1:1") as triton:
            make(kind, name, EngineContext(triton, TritonSettings(), options))

    with pytest.raises(SettingsError, match=words):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("source", "target", "refusal"),
    [
        ("en", "es", None),
        ("en", "en", None),
        ("ja", "en", "fake-stt does not understand 'ja'"),
    ],
)
def test_a_pair_is_refused_with_a_reason(source: str, target: str, refusal: str | None) -> None:
    said = fake_engines().refusal(source, target)
    assert said is None if refusal is None else refusal in (said or "")
