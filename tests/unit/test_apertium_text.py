"""Text through Apertium's stream format, its mode files, and what happens when a pipeline dies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.runtime.apertium import modes
from export.runtime.apertium import text as fit
from export.runtime.apertium.pipeline import PipelineDied, PipelineStuck
from export.runtime.apertium.translator import Translator, TranslatorError, UnknownPair


@given(st.text())
def test_escaped_text_comes_back_on_one_line(text: str) -> None:
    escaped = fit.escape(text)
    assert "\0" not in escaped
    assert "\n" not in escaped
    assert not re.search(r"(?<!\\)(?:\\\\)*[\[\]{}^$@/<>]", escaped), "no sign of the format stands unescaped"
    assert fit.unescape(escaped + fit.END) == " ".join(text.replace("\0", " ").split())


@pytest.mark.parametrize(
    ("text", "signed"),
    [
        ("Cómo estás?", "¿Cómo estás?"),
        ("Hola. Puede oírme? Bien!", "Hola. ¿Puede oírme? ¡Bien!"),
        ("¿Ya está?", "¿Ya está?"),
        ("No.", "No."),
        ("", ""),
        ("Espera... qué?", "Espera... ¿qué?"),
    ],
)
def test_spanish_gets_its_opening_signs(text: str, signed: str) -> None:
    assert fit.with_opening_signs(text) == signed


@given(st.text("ab .?!¿¡…", max_size=40))
def test_opening_signs_are_only_added(text: str) -> None:
    signed = fit.with_opening_signs(text)
    assert fit.without_opening_signs(signed) == fit.without_opening_signs(text)
    assert fit.with_opening_signs(signed) == signed


def test_mode_files_follow_their_folder(tmp_path: Path) -> None:
    root = tmp_path / "a folder" / "root"
    folder = root / "usr/share/apertium/modes"
    folder.mkdir(parents=True)
    for name in ("eng-spa", "es-pt", "kaz-tat"):
        (folder / f"{name}.mode").write_text(
            "lt-proc '/usr/share/apertium/x/a.bin' | apertium-tagger -g $2 '/usr/share/apertium/x/b.prob'"
            " | lt-proc $1 '/usr/share/apertium/x/c.bin'"
        )
    found = modes.directions(root)
    assert sorted(found) == [("en", "es"), ("es", "pt")]
    command = modes.command(root, found["en", "es"])
    data = f"'{root}/usr/share/apertium/x"
    assert command == (
        f"lt-proc -z {data}/a.bin' | apertium-tagger -z -g  {data}/b.prob' | lt-proc -z -n {data}/c.bin'"
    )


class FakeLine:
    """Answers in capitals, or fails as told."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.closed = False

    def translate(self, text: str, deadline_s: float) -> str:
        if self.failure is not None:
            raise self.failure
        return text.upper()

    def close(self) -> None:
        self.closed = True


def translator(*lines: FakeLine) -> Translator:
    following = iter(lines)
    return Translator({("en", "es"): lambda: next(following)})


def test_a_dead_pipeline_is_replaced_and_the_request_tried_again() -> None:
    dead = FakeLine(PipelineDied("gone"))
    one = translator(dead, FakeLine())
    assert one.translate("hello", "en", "es") == "HELLO"
    assert (one.restarts, dead.closed) == (1, True)


def test_a_text_that_kills_two_pipelines_is_given_up_and_the_next_works() -> None:
    one = translator(FakeLine(PipelineDied("gone")), FakeLine(PipelineDied("gone")), FakeLine())
    with pytest.raises(TranslatorError, match="died twice"):
        one.translate("hello", "en", "es")
    assert one.translate("hello", "en", "es") == "HELLO"


def test_a_stuck_pipeline_is_replaced_without_waiting_twice() -> None:
    one = translator(FakeLine(PipelineStuck("2 s")), FakeLine())
    with pytest.raises(TranslatorError, match="hung"):
        one.translate("hello", "en", "es")
    assert (one.restarts, one.translate("hello", "en-US", "es-MX")) == (1, "HELLO")


def test_an_unknown_pair_names_those_there_are() -> None:
    with pytest.raises(UnknownPair, match="cannot translate en to zh: it has en-es"):
        translator(FakeLine()).translate("hello", "en", "zh")


def test_nothing_is_translated_as_nothing() -> None:
    assert translator(FakeLine(PipelineDied("not asked"))).translate(" \n", "en", "es") == ""
