"""Texts cut where one breathes: behind sentences, clauses, words; nothing lost, nothing too long."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.runtime.xtts import config as configs
from export.runtime.xtts.text import TextFrontEnd, clean, languages, splitting
from export.runtime.xtts.text.languages import LANGUAGES
from export.xtts import structural

TEXTS = st.text(st.sampled_from("ab .,;!?\"')(…。、！？क़ि東です👍🏽é\u0301\n 12") | st.characters(), max_size=300)


@given(TEXTS, st.sampled_from(sorted(LANGUAGES)), st.integers(1, 60))
def test_joined_pieces_are_the_text(text: str, language: str, limit: int) -> None:
    pieces = splitting.split(text, LANGUAGES[language], limit)
    assert "".join(pieces) == text
    assert all(len(piece.strip()) <= limit for piece in pieces)


@given(st.lists(st.text("abcdefghé'", min_size=1, max_size=12), min_size=1, max_size=60))
def test_no_word_is_cut_that_fits(words: list[str]) -> None:
    text = " ".join(words)
    pieces = splitting.split(text, LANGUAGES["en"], 12)
    assert [word for piece in pieces for word in piece.split()] == words


@given(st.text("कखगिीुूेैोौं्", min_size=1, max_size=80))
def test_no_vowel_sign_begins_a_piece(text: str) -> None:
    pieces = splitting.split(text, LANGUAGES["hi"], 20)
    fits = all(len(run) < 15 for run in _clusters(text))
    assert not fits or not any(unicodedata.category(piece[0])[0] == "M" for piece in pieces[1:])


def _clusters(text: str) -> list[str]:
    clusters = [""]
    for char in text:
        if unicodedata.category(char)[0] != "M":
            clusters.append("")
        clusters[-1] += char
    return clusters


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Mr. Smith met Dr. Jones at St. Paul's."),
        ("en", "See e.g. the works of J. S. Bach etc. for more."),
        ("en", "It is 3.5 km away, approx. five minutes."),
        ("en", "Is it (No. 5) or not."),
        ("de", "Er kommt d. h. morgen, u. U. später."),
        ("de", "Am 3. Mai kommt Frau Dr. Huber z. B. um 5 Uhr."),
        ("cs", "Dne 3. května přijde p. Novák."),
        ("hu", "Az 1. emeleten lakik dr. Szabó."),
        ("es", "La Sra. García vive en EE.UU. con el Sr. López."),
        ("ru", "Это г-н Иванов, т.е. мой сосед."),
        ("pl", "Spotkanie jest 5. maja, tzn. w piątek."),
    ],
)
def test_these_full_stops_end_no_sentence(language: str, text: str) -> None:
    assert list(splitting._sentences(text, LANGUAGES[language])) == [text]


@pytest.mark.parametrize(
    ("language", "text", "first"),
    [
        ("en", "I have 5. You have 3.", "I have 5. "),
        ("en", '"Really?" She left.', '"Really?" '),
        ("en", "Wait… What?", "Wait… "),
        ("zh", "今天很好。明天呢？", "今天很好。"),
        ("ja", "「はい。」と言った。", "「はい。」"),
        ("hi", "यह घर है। वह पेड़ है।", "यह घर है। "),
        ("ar", "كيف حالك؟ أنا بخير.", "كيف حالك؟ "),
        ("ko", "안녕하세요. 반갑습니다.", "안녕하세요. "),
        ("ko", "네. 알겠습니다.", "네. "),
        ("zh", "你好!我是小王.", "你好!"),
        ("pt", "Sim, é. Mas não.", "Sim, é. "),
        ("es", "¿Qué tal? ¡Bien!", "¿Qué tal? "),
    ],
)
def test_these_do(language: str, text: str, first: str) -> None:
    assert next(splitting._sentences(text, LANGUAGES[language])) == first


def test_a_long_sentence_is_cut_at_its_clauses_into_equal_parts() -> None:
    text = "When it rains we stay at home, and when the sun shines we go out, as everybody does."
    assert splitting.split(text, LANGUAGES["en"], 70) == [
        "When it rains we stay at home, ",
        "and when the sun shines we go out, as everybody does.",
    ]


def test_no_crumb_is_left_at_the_end() -> None:
    text = "This sentence has its only comma just before its end, sir."
    assert splitting.split(text, LANGUAGES["en"], 56)[1] != "sir."


def test_short_sentences_stay_together() -> None:
    assert splitting.split("Yes. No. I do not know.", LANGUAGES["en"]) == ["Yes. No. I do not know."]


def test_japanese_is_cut_before_kanji_not_within_a_word() -> None:
    text = "私は昨日友達と一緒に東京へ行って美味しいラーメンを食べてから夜遅くに家に帰りました"
    pieces = splitting.split(text, LANGUAGES["ja"], 25)
    assert len(pieces) == 2
    assert splitting._is_kanji(pieces[1][0])


REPEATED = ".?!…。；,;:،-–'\")」」(\u00bf $€%&@/ \t\u00a0\u200b\u0301\ufffc👍0123aéßя한東あािA"


def work(call: Callable[[str], object], text: str) -> float:
    """Seconds of this thread's work, the lesser of two."""
    seconds = []
    for _ in range(2):
        began = time.thread_time()
        call(text)
        seconds.append(time.thread_time() - began)
    return min(seconds)


def grows_with_the_text(call: Callable[[str], object], unit: str) -> bool:
    """Whether so many times the text takes hardly more than so many times the work; asked again where it seems not."""
    times, least, behind = 8, 400 // len(unit), "a"
    for _ in range(4):
        few, many = work(call, unit * least + behind), work(call, unit * least * times + behind)
        if many <= 0.01 or many <= 2.5 * times * few:
            return True
    return False


@pytest.mark.parametrize("code", ["en", "ja", "hi"])
def test_what_is_repeated_takes_time_in_proportion(code: str, tmp_path: Path) -> None:
    """It is done beside speech that is being made, and whoever wrote it may mean harm."""
    structural.save_vocabulary(tmp_path)
    front_end = TextFrontEnd(tmp_path / "vocab.json", configs.FULL)
    units = [*REPEATED, "123-", "1,", "1.", ". ", '."', "👍 ", "a. ", "。.", "$1", "1 000 "]
    steps: list[Callable[[str], object]] = [clean, lambda text: splitting.split(text, LANGUAGES[code])]
    if not languages.missing(LANGUAGES[code]):
        steps.append(lambda text: front_end.pieces(text, code))
    for step in steps:
        for unit in units:
            assert grows_with_the_text(step, unit), unit


def test_a_text_of_nothing_but_marks_is_the_same_to_split() -> None:
    """A run of marks is one end, wherever it stands."""
    found = splitting._sentences("Wait...now. What?!) Yes...", LANGUAGES["en"])
    assert list(found) == ["Wait...now. ", "What?!) ", "Yes..."]
