"""The arithmetic of docs/scaling.md: what many calls take follows from what one costs, by the formula given there."""

from __future__ import annotations

import math
import re

import pytest

from tests.documents import ROOT

PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
UNITS = {name: float(value) for name, value in re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", PAGE, re.MULTILINE)}
ROWS = re.findall(r"^\| ([^|`]+) \| `([^`]+)` \| (.+) \|$", PAGE, re.MULTILINE)
CALLS = (10, 1_000, 100_000)


def told(value: float) -> str:
    """A figure as the page writes it: two digits count; thousands are parted."""
    if value == 0 or value >= 100:
        digits = 2 - len(str(int(value)))
        return f"{round(value, digits):,.0f}".replace(",", " ")
    return f"{value:.2g}"


@pytest.mark.parametrize(("what", "formula", "figures"), ROWS, ids=[row[0] for row in ROWS])
def test_what_many_take_follows_from_what_one_costs(what: str, formula: str, figures: str) -> None:
    assert not set(re.findall(r"[a-z_]+", formula)) - {*UNITS, "calls", "ceil", "e"}, f"{what}: an unknown name"
    names = {**UNITS, "ceil": math.ceil, "__builtins__": {}}
    values = [told(eval(formula, {**names, "calls": calls})) for calls in CALLS]
    assert figures.split(" | ") == values, what


def test_there_is_something_to_compute() -> None:
    assert len(ROWS) > 10
    used = set(re.findall(r"[a-z_]+", " ".join(formula for _, formula, _ in ROWS)))
    assert set(UNITS) <= used, "a unit cost that nothing uses"
