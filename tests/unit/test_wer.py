"""Word error rate, against counts done by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.telemetry.quantiles import quantiles
from controller.telemetry.wer import errors, rate
from controller.text import fold


@pytest.mark.parametrize(
    ("reference", "heard", "expected"),
    [
        ("the number is not answering", "The number is not answering.", (0, 5)),
        ("por favor marque el numero", "Por favor, marqué el número", (0, 5)),
        ("a b c d", "a x c", (2, 4)),
        ("a b", "a b c d", (2, 2)),
        ("", "one two", (2, 0)),
        ("one two", "", (2, 2)),
        ("It's 5 o'clock", "its 5 oclock", (2, 3)),
    ],
)
def test_errors(reference: str, heard: str, expected: tuple[int, int]) -> None:
    assert errors(reference, heard) == expected


WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=8).map(" ".join)


@given(WORDS, WORDS)
def test_a_distance_is_a_distance(one: str, other: str) -> None:
    there, back = errors(one, other)[0], errors(other, one)[0]
    assert there == back
    assert (there == 0) == (fold(one) == fold(other))
    assert there <= max(len(fold(one)), len(fold(other)))


def test_a_rate_is_over_all_words() -> None:
    assert rate([("a b c", "a b c"), ("d", "x")]) == 0.25
    assert rate([]) is None


def test_quantiles() -> None:
    assert quantiles([]) == {"p50": None, "p95": None, "p99": None, "max": None, "n": 0}
    assert quantiles([float(n) for n in range(101)]) == {
        "p50": 50,
        "p95": 95,
        "p99": 99,
        "max": 100,
        "n": 101,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 5 o'clock, señor!", ["it's", "5", "o'clock", "senor"]),
        ("Привет, как дела?", ["привет", "как", "дела"]),
        ("Καλημέρα, κόσμε.", ["καλημερα", "κοσμε"]),
        ("你好。谢谢", ["你", "好", "谢", "谢"]),
        ("ありかとう snake_case", [*"ありかとう", "snake", "case"]),
        ("नमस्ते दुनिया।", 2),
        ("— …", []),
    ],
)
def test_words_of_every_script(text: str, words: list[str] | int) -> None:
    assert (len(fold(text)) if isinstance(words, int) else fold(text)) == words


@pytest.mark.parametrize(
    ("reference", "heard", "wrong"),
    [
        ("Press 7 or 9.", "press seven or nine", 0),
        ("Marque uno", "Marque 1", 0),
        ("You are not here", "You\u2019re not here.", 0),
        ("I won't", "I will not", 0),
        ("I can't", "I cannot", 0),
        ("I cannot", "I can not", 0),
        ("It's late", "It is late", 2),
        ("Press 7", "Press eight", 1),
        ("twelve", "12", 1),
    ],
)
def test_how_a_thing_is_written_is_no_error(reference: str, heard: str, wrong: int) -> None:
    assert errors(reference, heard)[0] == errors(heard, reference)[0] == wrong
