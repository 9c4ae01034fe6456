"""When a sentence may be committed while its speaker goes on, and where the audio is cut behind it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.engines.stt.commit import Pause, cut_behind, firm_at_pause, firm_prefix
from controller.frames import FRAME_S, SILENCE, Pcm
from tests.fakes.fake_phone import tone_frame


@pytest.mark.parametrize(
    ("previous", "current", "committed"),
    [
        ("Goodbye. Thank", "Goodbye. Thank you", "Goodbye."),
        ("goodbye", "Goodbye! Thank you", "Goodbye!"),
        ("One. Two. Three", "One. Two. Three four five", "One. Two."),
        ("One. Too three", "One. Two. Three four five", "One."),
        ("", "Goodbye. Thank you", None),
        ("Good buy", "Goodbye. Thank you", None),
        ("Goodbye.", "Goodbye. Thank", None),
        ("Goodbye.", "Goodbye.", None),
        ("The number", "The number is not", None),
    ],
)
def test_a_sentence_is_firm_only_where_two_partials_agree_and_words_follow(
    previous: str, current: str, committed: str | None
) -> None:
    assert firm_prefix(previous, current) == committed


@pytest.mark.parametrize(
    ("current", "committed"),
    [
        ("Goodbye. Thank you for", ("Goodbye.", 50)),
        ("goodbye! Call again. Thank you for", ("goodbye! Call again.", 90)),
        ("Goodbye. Thank", None),
        ("Goodbye all. Thank you for", None),
        ("Goodbye, thank you for", None),
    ],
)
def test_what_was_heard_until_a_pause_is_firm_when_it_is_heard_again(
    current: str, committed: tuple[str, int] | None
) -> None:
    assert firm_at_pause([Pause("Goodbye.", 50), Pause("Goodbye. Call again.", 90)], current) == committed


@pytest.mark.parametrize(
    ("current", "long", "committed"),
    [
        ("To save it, press one, to delete", False, None),
        ("To save it, press one, to delete", True, ("To save it, press one,", 90)),
        ("To save it, press one to delete it", True, ("To save it,", 50)),
        ("To save it, press nine, or hang", True, ("To save it,", 50)),
        ("To save it press nine, or hang", True, None),
        ('To save it, "press one," to delete', True, ('To save it, "press one,"', 90)),
    ],
)
def test_when_much_was_said_a_comma_at_a_pause_is_as_good_as_a_full_stop(
    current: str, long: bool, committed: tuple[str, int] | None
) -> None:
    pauses = [Pause("To save it.", 50), Pause("To save it, press one.", 90)]
    assert firm_at_pause(pauses, current, long=long) == committed


@pytest.mark.parametrize("text", ["Ask the Dr. Brown is in", "La Sra. Brown no está", "Room No. 7 is free"])
def test_an_abbreviation_is_no_place_to_part_at_though_much_was_said(text: str) -> None:
    assert firm_prefix(text, text, long=True) is None


def audio(*stretches: tuple[int, bool]) -> list[Pcm]:
    return [tone_frame() if loud else SILENCE for count, loud in stretches for _ in range(count)]


def test_the_cut_is_in_the_pause_before_the_time_that_is_told() -> None:
    frames = audio((50, True), (8, False), (20, True), (3, False), (40, True))
    assert cut_behind("One two three.", [], frames, 1.5) == 54, "not in the three quiet frames that are nearer"
    assert cut_behind("One two three.", [], frames, 2.4) is None, "no pause is near: nothing is cut"
    assert cut_behind("One two three.", [Pause("1 or two, three!", 77)], frames, 1.5) == 77, "the words tell better"
    assert cut_behind("One two three.", [Pause("One two", 77)], frames, 1.5) == 54


@given(st.integers(0, 100), st.lists(st.booleans(), min_size=5, max_size=120))
def test_a_cut_is_always_inside_the_audio(around: int, loud: list[bool]) -> None:
    cut = cut_behind("One.", [], audio(*((1, one) for one in loud)), around * FRAME_S)
    assert cut is None or 0 < cut < len(loud)
