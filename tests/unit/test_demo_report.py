"""What a demo's exit code says of its report."""

from __future__ import annotations

from typing import Any

import pytest

from controller.demo.report import Record, _clause, verdict
from controller.messages import Clause, Delivery, Outcome, Reason, Span, Translation


def report(**changes: Any) -> dict[str, Any]:
    def delivery(listener: str, outcome: str = "played") -> dict[str, Any]:
        return {"listener": listener, "outcome": outcome}

    return {
        "ended": "a",
        "legs": [{"leg": "a", "silent": False}, {"leg": "b", "silent": False}],
        "clauses": [{"deliveries": [delivery("b")]}, {"deliveries": [delivery("a")]}],
        "conservation": {"deliveries": 2, "played": 2, "dropped": 0},
        **changes,
    }


def test_a_good_call_is_a_success() -> None:
    assert verdict(report()) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"conservation": {"deliveries": 3, "played": 2, "dropped": 0}}, "fault in Dragoman"),
        ({"ended": "media"}, "Asterisk went away"),
        ({"clauses": []}, "Leg a heard no translation"),
        ({"clauses": [{"deliveries": [{"listener": "a", "outcome": "played"}]}]}, "Leg b heard no translation"),
        ({"clauses": [{"deliveries": [{"listener": "a", "outcome": "dropped"}]}]}, "Leg a heard no translation"),
    ],
)
def test_anything_else_is_told(changes: dict[str, Any], words: str) -> None:
    said = verdict(report(**changes))
    assert said is not None and words in said


def test_nobody_must_hear_one_who_says_nothing() -> None:
    quiet = [{"leg": "a", "silent": False}, {"leg": "b", "silent": True}]
    one_way = [{"deliveries": [{"listener": "b", "outcome": "played"}]}]
    assert verdict(report(legs=quiet, clauses=one_way)) is None


def test_the_report_names_who_translated_each_clause() -> None:
    said = Clause("a-1", "a", "hello", Span(0, 1), "en")
    record = Record()
    record.translated("call", Translation(said, "es", "hola", "apertium"))
    record.delivered("call", Delivery(said, "b", "es", Outcome.PLAYED, None, "hola", 2.0, 3.0, None, {}))
    record.delivered(
        "call", Delivery(said, "c", "fr", Outcome.DROPPED, Reason.ENGINE_FAILED, None, None, None, None, {})
    )
    told = _clause(said, record)["deliveries"]
    assert [one["translator"] for one in told] == ["apertium", None]
