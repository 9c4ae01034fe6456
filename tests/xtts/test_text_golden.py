"""Written out as the reference does, language by language, and otherwise only where it is wrong there."""

from __future__ import annotations

from collections import Counter

import pytest

from export.runtime.xtts.text import languages
from tests.requirements import require_or_skip
from tests.xtts import text_cases

CASES = list(text_cases.cases())


@pytest.mark.parametrize("code", sorted(languages.LANGUAGES))
def test_texts_are_written_out_as_the_golden_file_says(code: str) -> None:
    if absent := languages.missing(languages.LANGUAGES[code]):
        require_or_skip("xtts", False, f"{' and '.join(absent)} not installed; run `make test`")
    wrong = [
        (case.text, case.ours, said)
        for case in CASES
        if case.language == code and (said := text_cases.ours(case)) != case.ours
    ]
    assert wrong == []


def test_every_language_is_compared() -> None:
    counts = Counter(case.language for case in CASES if not case.why)
    assert set(counts) == set(languages.LANGUAGES)
    assert sum(counts.values()) > 600


def test_a_difference_differs_and_has_a_reason() -> None:
    for case in CASES:
        assert bool(case.why) == (case.reference is None or case.reference.lower() != case.ours), case


def test_no_digit_is_left_over() -> None:
    """Pinyin's tones aside: the model knows no other digits."""
    left = [case for case in CASES if case.language != "zh" and any(char.isdigit() for char in case.ours)]
    assert left == []
