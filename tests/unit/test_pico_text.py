"""What Pico is given to read: nothing lost, nothing it takes for markup, no piece too long."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from export.runtime.pico.text import LONGEST, clean, speakable, spell_numbers, split

WORDS = st.lists(st.text("abñé¿¡.,;:!?…'\"()–0123", min_size=1, max_size=12), max_size=120).map(" ".join)


@given(st.one_of(st.text(max_size=600), WORDS))
@example("word " * 300)
@example("x" * 900)
@example('He said: "Yes!" Then (later) no.')
def test_nothing_is_lost_and_no_piece_is_too_long(text: str) -> None:
    cleaned = clean(text)
    pieces = split(cleaned)
    joined = " ".join(piece.text for piece in pieces)
    assert joined.replace(" ", "") == cleaned.replace(" ", "")
    if all(len(word) <= LONGEST for word in cleaned.split()):
        assert joined == cleaned
    assert all(0 < len(piece.text) <= LONGEST for piece in pieces)
    assert not pieces or pieces[-1].ends_sentence


@given(st.text())
def test_cleaned_text_holds_no_markup_and_no_control(text: str) -> None:
    cleaned = clean(text)
    assert not set(cleaned) & set("<>\0\n\t")
    assert clean(cleaned) == cleaned


def test_sentences_are_pieces_of_their_own() -> None:
    pieces = split("Hello there. How are you? Fine, thanks!")
    assert [piece.text for piece in pieces] == ["Hello there.", "How are you?", "Fine, thanks!"]


def test_a_long_sentence_is_cut_at_clauses() -> None:
    clause = "and then we went on to the next house in the street,"
    pieces = split(" ".join([clause] * 6))
    assert len(pieces) == 2
    assert all(piece.text.endswith(",") for piece in pieces)
    assert [piece.ends_sentence for piece in pieces] == [False, True]


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("Call 5551234 now", "Call 5 5 5 1 2 3 4 now"),
        ("room 1204", "room 1204"),
        ("in 2026, 12345", "in 2026, 1 2 3 4 5"),
        ("at 10:30", "at 10:30"),
    ],
)
def test_long_numbers_are_read_digit_by_digit(text: str, spelled: str) -> None:
    assert spell_numbers(text) == spelled


@pytest.mark.parametrize(("text", "says"), [("...", False), ("", False), ("😀", False), ("a.", True), ("7", True)])
def test_punctuation_alone_is_not_spoken(text: str, says: bool) -> None:
    assert speakable(text) is says
