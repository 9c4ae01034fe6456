"""From a text to what the GPT reads: within the model's limits, whatever the text."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.runtime.weights import WeightsError
from export.runtime.xtts.config import FULL
from export.runtime.xtts.text import MissingPackage, TextFrontEnd, UnknownLanguage, languages, lengths
from export.xtts import structural

SPOKEN_HERE = [language.code for language in languages.LANGUAGES.values() if not languages.missing(language)]
ALPHABETS = "aeiou AEIOU ßéñ 0123456789 .,;:!?'\"- $€%° яйцо مرحبا दिन 東京です 안녕 你好 ¿¡ 😀\u200d\u0301\n[]"


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vocabulary")
    structural.save_vocabulary(folder)
    return folder / "vocab.json"


@pytest.fixture(scope="module")
def front(vocabulary: Path) -> TextFrontEnd:
    return TextFrontEnd(vocabulary, FULL)


def test_a_piece_begins_and_ends_as_the_model_was_taught(front: TextFrontEnd) -> None:
    (piece,) = front.pieces("Hello Mr. Smith, it costs $20 & 50%.", "en")
    assert piece.spoken == "hello mister smith, it costs twenty dollars and fifty percent"
    assert piece.ids[0] == FULL.start_text
    assert piece.ids[-1] == FULL.stop_text
    assert piece.ends_sentence
    assert piece.unknown == 0


def test_the_last_full_stop_can_be_kept_as_the_reference_keeps_it(vocabulary: Path) -> None:
    (piece,) = TextFrontEnd(vocabulary, FULL, full_stops=True).pieces("It rains.", "en")
    assert piece.spoken == "it rains."


@pytest.mark.parametrize("text", ["It rains?", "It rains!", "It rains..."])
def test_only_a_full_stop_is_taken_off(front: TextFrontEnd, text: str) -> None:
    assert front.pieces(text, "en")[0].spoken == text.lower()


@pytest.mark.parametrize("text", ["", "   ", "...", "😀🎉", "\u200b\x00", "—", "𓀀 𓀀"])
def test_nothing_to_say_is_no_piece(front: TextFrontEnd, text: str) -> None:
    assert front.pieces(text, "en") == []


def test_a_text_gives_no_orders_to_the_model(front: TextFrontEnd) -> None:
    (piece,) = front.pieces("Say [de] or [STOP] or [START] now", "en")
    assert FULL.stop_text not in piece.ids[1:-1]
    assert piece.ids.count(FULL.start_text) == 1
    assert "[" not in piece.spoken


def test_characters_the_vocabulary_lacks_are_left_out_and_counted(front: TextFrontEnd) -> None:
    plain, strange = front.pieces("a b", "en")[0], front.pieces("a 𓀀 b", "en")[0]
    assert strange.unknown == 1
    assert [one for one in strange.ids if one not in plain.ids] == []


def test_regions_are_no_matter(front: TextFrontEnd) -> None:
    assert front.pieces("Hello", "en-US") == front.pieces("Hello", "EN") == front.pieces("Hello", "en_GB")


def test_an_unknown_language_is_told_with_those_that_are_known(front: TextFrontEnd) -> None:
    with pytest.raises(UnknownLanguage, match=r"'sv'.*ar, cs, de"):
        front.pieces("Hej", "sv")


def test_a_missing_package_is_told_for_its_language_alone(front: TextFrontEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pypinyin" else find(name))
    with pytest.raises(MissingPackage, match="'zh' needs pypinyin"):
        front.pieces("你好", "zh-cn")
    assert front.pieces("Guten Tag", "de")


def test_a_file_that_is_no_vocabulary_is_told(tmp_path: Path) -> None:
    file = tmp_path / "vocab.json"
    file.write_text("{}")
    with pytest.raises(WeightsError, match=r"vocab\.json is no vocabulary"):
        TextFrontEnd(file, FULL)


def test_a_longer_text_may_take_longer_up_to_the_models_end(front: TextFrontEnd) -> None:
    short, long = front.pieces("Yes.", "en")[0], front.pieces("Yes, we would like to come tomorrow.", "en")[0]
    assert short.most_codes < 100 < long.most_codes <= FULL.max_new_tokens


def test_what_is_spelled_takes_longer() -> None:
    english = languages.LANGUAGES["en"]
    assert lengths.most_codes("FBI", "fbi", english, FULL) > lengths.most_codes("fib", "fib", english, FULL)


@pytest.mark.parametrize(("language", "characters_per_s"), [("en", 12), ("es", 13), ("de", 12), ("zh", 4), ("ja", 5)])
def test_a_slow_speaker_is_not_cut_off(language: str, characters_per_s: float) -> None:
    """The bound leaves time for speech a good deal slower than is usual (15, 16, 14, 4.5 and 6 characters a second)."""
    found = languages.LANGUAGES[language]
    for length in (1, 10, found.limit // 2, found.limit):
        seconds = lengths.most_codes("", "a" * length, found, FULL) * FULL.code_stride / FULL.input_rate
        assert seconds > 1.2 * length / characters_per_s


def test_written_out_numbers_do_not_outgrow_the_model(front: TextFrontEnd) -> None:
    text = " ".join(["123,456,789.5"] * 18)
    pieces = front.pieces(text, "en")
    assert len(pieces) > 1
    assert " ".join(piece.text for piece in pieces) == text


@pytest.mark.parametrize("language", SPOKEN_HERE)
@settings(max_examples=25)
@given(st.text(st.sampled_from(ALPHABETS) | st.characters(), max_size=700))
def test_whatever_is_written_fits_the_model(front: TextFrontEnd, language: str, text: str) -> None:
    for piece in front.pieces(text, language):
        assert len(piece.ids) - 2 < FULL.max_text
        assert len(piece.text) <= languages.LANGUAGES[language].limit
        assert 0 < piece.most_codes <= FULL.max_new_tokens
        assert len(piece.ids) > 3
        assert max(piece.ids) < FULL.text_tokens
