"""Settings out of the words of a configuration: what stands there is what is served, and a slip is one sentence."""

from __future__ import annotations

import re

import pytest

from export.runtime.xtts.serving import Serving
from export.runtime.xtts.serving.parameters import serving
from export.setup.cache import REPOSITORY


def test_words_become_what_they_mean() -> None:
    words = {"slots": "3", "positions": "none", "precision": "fp32", "quick_prefill": "true", "first_s": "0.2"}
    assert serving(words) == Serving(slots=3, positions=None, precision="fp32", quick_prefill=True, first_s=0.2)
    assert serving({"positions": "400"}).positions == 400
    assert serving({}) == Serving()


@pytest.mark.parametrize(
    ("name", "word", "said"),
    [
        ("slot", "3", "there is no parameter slot: there are slots, most_waiting"),
        ("slots", "many", "slots is 'many': give a number"),
        ("slots", "2.5", "slots is '2.5': give a number"),
        ("slots", "0", "slots is 0: give 1 or more"),
        ("positions", "", "positions is '': give a number"),
        ("precision", "4bit", "precision is '4bit': give fp32 or 8bit or fp16"),
        ("quick_prefill", "yes", "quick_prefill is 'yes': give true or false"),
    ],
)
def test_a_slip_is_one_sentence(name: str, word: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        serving({name: word})


def test_the_configuration_says_what_is_served_anyway() -> None:
    text = (REPOSITORY / "model_repository/xtts_v2/config.pbtxt").read_text()
    words = dict(re.findall(r'key: "(\w+)" value: { string_value: "(\w+)" }', text))
    assert int(words.pop("most_characters")) > 0
    assert serving(words) == Serving()
