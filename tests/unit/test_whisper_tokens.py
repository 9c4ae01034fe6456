"""Windows, segments, words and the hallucination gate, without a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.runtime.whisper import gate, tokens
from export.runtime.whisper.ladder import LONGEST_S, SAMPLE_RATE, TAIL_S, WINDOWS_S, window_s

EOT = 1000
STAMP = 2000
"""Token of 0.00 s."""


def stamp(seconds: float) -> int:
    return STAMP + round(seconds / tokens.TICK_S)


def cut(ids: list[int], duration_s: float) -> list[tokens.Segment]:
    return tokens.segments(ids, duration_s=duration_s, end_of_text=EOT, first_stamp=STAMP)


def decode(ids: list[int]) -> str:
    return " ".join(f"w{token}" for token in ids)


@given(st.integers(1, int(LONGEST_S * SAMPLE_RATE)))
def test_the_window_is_the_smallest_that_holds_the_sound_and_its_tail(samples: int) -> None:
    window, needed = window_s(samples), samples / SAMPLE_RATE + TAIL_S
    assert window in WINDOWS_S
    assert window >= needed or window == LONGEST_S
    assert all(smaller < needed for smaller in WINDOWS_S if smaller < window)


def test_more_than_the_longest_window_is_refused() -> None:
    assert window_s(30 * SAMPLE_RATE) == 30.0
    with pytest.raises(ValueError, match=r"30\.1 s long and whisper takes 30 s"):
        window_s(int(30.1 * SAMPLE_RATE))


def test_segments_carry_their_stamps() -> None:
    found = cut([stamp(0.5), 1, 2, stamp(1.5), stamp(1.6), 3, stamp(2.2), EOT], duration_s=4.0)
    assert [(one.tokens, round(one.start_s, 2), round(one.end_s, 2)) for one in found] == [
        ((1, 2), 0.5, 1.5),
        ((3,), 1.6, 2.2),
    ]


def test_what_repeats_behind_the_audio_is_cut() -> None:
    spoken = [stamp(0), 1, 2, stamp(2.8)]
    repeated = [stamp(2.8), 1, 2, stamp(4.0), stamp(4.0), 1, 2, stamp(4.4)]
    found = cut(spoken + repeated, duration_s=3.0)
    assert tokens.text(found, decode) == "w1 w2"


def test_a_segment_that_starts_behind_the_audio_is_cut_too() -> None:
    found = cut([stamp(0), 1, stamp(2.0), stamp(2.7), 2, 3, stamp(4.0)], duration_s=3.0)
    assert tokens.text(found, decode) == "w1"


def test_text_without_an_end_lasts_to_the_end_of_the_audio() -> None:
    (only,) = cut([stamp(1.0), 7, 8], duration_s=2.5)
    assert (only.tokens, only.start_s, only.end_s) == ((7, 8), 1.0, 2.5)


@given(
    st.lists(st.one_of(st.integers(0, EOT - 1), st.integers(STAMP, STAMP + 1500)), max_size=60),
    st.floats(0.1, 30.0),
)
def test_times_stay_in_order_and_within_the_audio(ids: list[int], duration_s: float) -> None:
    timed = tokens.words(cut(ids, duration_s), decode)
    for word in timed:
        assert 0 <= word.start_s <= word.end_s <= duration_s + 0.001
    assert len(timed) <= sum(token < EOT for token in ids)


def test_words_share_their_segment_by_characters() -> None:
    names = {1: "a", 2: "long"}
    found = cut([stamp(1.0), 1, 2, stamp(2.4)], duration_s=5.0)
    first, second = tokens.words(found, lambda ids: " ".join(names[token] for token in ids))
    assert (first.word, first.start_s, first.end_s) == ("a", 1.0, 1.4)
    assert (second.word, second.start_s, second.end_s) == ("long", 1.4, 2.4)


SENTENCE = "Marque el número 3 para volver a grabar su mensaje."


@pytest.mark.parametrize(
    ("logprob", "no_speech", "count", "text", "speech"),
    [
        (-0.3, 0.02, 20, SENTENCE, True),
        (-0.86, 0.31, 12, SENTENCE, True),  # the worst of the recorded sentences
        (-0.59, 0.53, 15, SENTENCE, True),
        (-1.08, 0.01, 3, SENTENCE, True),  # "Goodbye."
        (-1.48, 0.02, 3, SENTENCE, True),  # "minutes"
        (-1.32, 0.23, 5, SENTENCE, True),  # "Usted no tiene"
        (-1.33, 0.92, 4, SENTENCE, False),  # silence
        (-0.75, 0.92, 15, SENTENCE, True),  # what a gate by `no_speech` alone would drop
        (-0.43, 0.86, 48, "No, " * 20, False),  # a dialling tone
        (-0.52, 0.63, 41, "Y si no" + ", no" * 19, False),  # a melody
        (-1.64, 0.1, 9, SENTENCE, False),  # noise
        (-1.5, 0.02, 16, SENTENCE, False),  # a sentence in another language
    ],
)
def test_the_gate_knows_speech_by_its_scores(
    logprob: float, no_speech: float, count: int, text: str, speech: bool
) -> None:
    assert gate.is_speech(logprob, no_speech, count, text) is speech
