"""Clauses: one a pause, or one a firm sentence end; ids in order; ends where the voice ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.messages import Span, Transcript, Word
from controller.pipeline.clauses import ClauseBuilder
from controller.text import sentences


def final(text: str, start_s: float = 1.0, end_s: float = 5.0, words: tuple[Word, ...] = ()) -> Transcript:
    return Transcript("a", text, words, Span(start_s, end_s), True, True, end_s + 0.3)


def builder(voiced_end_s: float | None = None) -> ClauseBuilder:
    """`voiced_end_s`: where the voice ended within the first sentence, short of its words."""
    return ClauseBuilder("a", lambda span: min(span.end_s, voiced_end_s or 99) if span.start_s < 1.5 else span.end_s)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("The number is not answering.", ["The number is not answering."]),
        ("Goodbye.  Thank you for trying.", ["Goodbye.", "Thank you for trying."]),
        ("Dr. Smith is here. Who calls?", ["Dr. Smith is here.", "Who calls?"]),
        ("La Sra. Pérez no está. ¿Quién llama?", ["La Sra. Pérez no está.", "¿Quién llama?"]),
        ("It costs 3. 5 dollars", ["It costs 3. 5 dollars"]),
        ("One to list the users. 2 to lock it.", ["One to list the users.", "2 to lock it."]),
        ("See Sept. 5 or vol. 2, page 4. 5 is missing.", ["See Sept. 5 or vol. 2, page 4. 5 is missing."]),
        ("Llame al Telef. 555 o al depto. 2", ["Llame al Telef. 555 o al depto. 2"]),
        ("Wait... what? No!", ["Wait... what?", "No!"]),
        ("He said “stop.” Then he left.", ["He said “stop.”", "Then he left."]),
        ("", []),
        ("   ", []),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


@given(st.text(alphabet='aB. ?!¿,3é"”', max_size=60))
def test_no_word_is_lost_or_moved(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


def test_a_partial_commits_nothing() -> None:
    partial = Transcript("a", "Hello there. How", (), Span(0, 1), False, False, 1)
    assert builder().feed(partial, "en") == []


def test_one_clause_for_one_sentence_with_the_transcripts_span() -> None:
    (clause,) = builder().feed(final("All circuits are busy."), "en")
    assert (clause.id, clause.speaker, clause.language) == ("a-1", "a", "en")
    assert clause.span == Span(1.0, 5.0)


def test_a_sentence_inside_ends_with_its_last_word_and_voiced_frame() -> None:
    words = (Word("Goodbye.", 1.0, 2.0), Word("Thank", 3.0, 3.4), Word("you.", 3.4, 5.0))
    first, second = builder(voiced_end_s=1.8).feed(final("Goodbye. Thank you.", words=words), "en")
    assert first.span == Span(1.0, 1.8)
    assert second.span == Span(1.8, 5.0)
    assert [first.id, second.id] == ["a-1", "a-2"]


def test_without_word_times_a_sentence_takes_its_share() -> None:
    first, second = builder().feed(final("Aaaa aaaa. Bbbb bbbb."), "en")
    assert first.span.end_s == pytest.approx(1.0 + 4 * 10 / 21)
    assert second.span.end_s == 5.0


def test_a_commit_in_mid_speech_ends_with_its_last_voiced_frame() -> None:
    early = Transcript("a", "Goodbye.", (), Span(1.0, 2.2), True, False, 3.0)
    (clause,) = builder(voiced_end_s=2.0).feed(early, "en")
    assert clause.span == Span(1.0, 2.0)


def test_ids_count_on() -> None:
    made = builder()
    ids = [clause.id for text in ("One.", "", "Two. Three.") for clause in made.feed(final(text), "en")]
    assert ids == ["a-1", "a-2", "a-3"]
