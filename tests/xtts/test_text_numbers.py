"""Numbers in words where no golden file reaches: Hindi, Chinese, too large, many languages at once."""

from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.runtime.xtts.text import chinese, counting, hindi, numbers
from export.runtime.xtts.text.languages import LANGUAGES

WRITTEN = sorted(set(LANGUAGES) - {"zh"})


def test_each_hindi_number_below_a_hundred_has_a_word_of_its_own() -> None:
    words = [hindi.cardinal(number) for number in range(100)]
    assert len(set(words)) == 100
    assert all(word and " " not in word for word in words)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "शून्य"),
        (25, "पच्चीस"),
        (49, "उनचास"),
        (79, "उन्यासी"),
        (89, "नवासी"),
        (100, "एक सौ"),
        (101, "एक सौ एक"),
        (1999, "एक हज़ार नौ सौ निन्यानवे"),
        (100_000, "एक लाख"),
        (12_345_678, "एक करोड़ तेईस लाख पैंतालीस हज़ार छह सौ अठहत्तर"),
        (2_000_000_000, "दो अरब"),
    ],
)
def test_hindi(number: int, words: str) -> None:
    assert hindi.cardinal(number) == words


def test_hindi_places() -> None:
    assert [hindi.ordinal(number) for number in (1, 2, 6, 7)] == ["पहला", "दूसरा", "छठा", "सातवाँ"]


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ("0", "零"),
        ("2", "二"),
        ("10", "十"),
        ("12", "十二"),
        ("20", "二十"),
        ("22", "二十二"),
        ("101", "一百零一"),
        ("110", "一百一十"),
        ("200", "两百"),
        ("222", "两百二十二"),
        ("1002", "一千零二"),
        ("10010", "一万零一十"),
        ("20000", "两万"),
        ("120000000", "一亿两千万"),
        ("0.5", "零点五"),
        ("12.05", "十二点零五"),
        ("007", "零七"),
        ("000", "零零零"),
    ],
)
def test_chinese(digits: str, words: str) -> None:
    assert chinese.number(digits) == words


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("de", "am 07.03.2024 um 08:05", "am siebte dritte zweitausendvierundzwanzig um acht:null fünf"),
        ("fr", "le 07.03.2024", "le sept trois deux mille vingt-quatre"),
        ("fr", "au 06-12-34", "au six-douze-trente-quatre"),
        ("fr", "au 06-12-34-56", "au zéro six, un deux, trois quatre, cinq six"),
        ("en", "2024-03-07 or 10-20-30", "two thousand and twenty-four-three-seven or ten-twenty-thirty"),
        ("en", "0.5 or 007", "zero point five or zero zero seven"),
        ("cs", "22. nebo 100. den", "dvacátý druhý nebo sto den"),
        ("ru", "1 копейка, 22 ₽", "один копейка, двадцать два рубля"),
    ],
)
def test_dates_are_no_telephones(language: str, text: str, words: str) -> None:
    assert " ".join(numbers.read_out(text, language).split()) == words


@given(st.sampled_from(WRITTEN), st.text("0123456789", min_size=1, max_size=40))
def test_every_number_can_be_said(language: str, digits: str) -> None:
    said = counting.cardinal(digits, language)
    assert said
    assert not any(char.isdigit() for char in said)


@given(st.sampled_from(WRITTEN), st.text("0123456789", min_size=1, max_size=25), st.text("0123456789", min_size=1))
def test_every_decimal_can_be_said(language: str, whole: str, fraction: str) -> None:
    said = counting.decimal(whole, fraction, language)
    assert said
    assert not any(char.isdigit() for char in said)


@given(st.sampled_from(sorted(LANGUAGES)), st.text("0123456789.,- $€£¥₹/:%°stº번年月元", max_size=60))
def test_no_digit_survives_and_nothing_fails(language: str, text: str) -> None:
    said = numbers.read_out(text, language)
    assert not any(char.isdigit() for char in said)


def test_a_number_of_thousands_of_digits_is_said_too() -> None:
    for language, digit in itertools.product(("en", "zh", "hi", "tr"), "70"):
        assert numbers.read_out(digit * 5000, language)


def test_threads_do_not_mix_their_numbers() -> None:
    """num2words keeps the number it is at in one object for all Arabic callers."""
    expected = {number: counting.cardinal(str(number), "ar") for number in range(200, 400)}
    wrong: list[int] = []

    def count() -> None:
        wrong.extend(number for number in expected if counting.cardinal(str(number), "ar") != expected[number])

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("language", WRITTEN)
@pytest.mark.parametrize("digits", ["0", "1", "100", "1000", "1" + "0" * 14, "9" * 15, "9" * 16])
def test_no_place_in_a_row_is_too_much(language: str, digits: str) -> None:
    """Spanish and Hindi give up at the largest, Korean and Polish at the least, where Arabic says nothing."""
    assert counting.ordinal(digits, language) != ""
