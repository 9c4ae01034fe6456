"""Which rounds of `make scenarios` count, and which of an earlier call need not be run again."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.__main__ import earlier, passed

GOOD: dict[str, Any] = {"passed": 3, "failed": [], "skipped": []}
FAILED: dict[str, Any] = {"passed": 2, "failed": ["one"], "skipped": []}
SKIPPED: dict[str, Any] = {"passed": 2, "failed": [], "skipped": ["one"]}
KIND: dict[str, Any] = {"times": 3, "only": "", "commit": "abc"}


def write(file: Path, rounds: list[dict[str, Any]], **other: Any) -> Path:
    file.write_text(json.dumps({**KIND, **other, "rounds": rounds}))
    return file


def test_rounds_that_passed_are_kept_until_all_have_been_run(tmp_path: Path) -> None:
    file = tmp_path / "scenarios.json"
    assert earlier(file, KIND) == []
    assert earlier(write(file, [GOOD, FAILED, SKIPPED]), KIND) == [GOOD]
    assert earlier(write(file, [GOOD, GOOD, GOOD]), KIND) == [], "it was complete: this is a new call"


@pytest.mark.parametrize("other", [{"times": 4}, {"only": "hold"}, {"commit": "def"}, {"commit": None}])
def test_rounds_of_another_kind_or_version_are_not_mixed(tmp_path: Path, other: dict[str, Any]) -> None:
    assert earlier(write(tmp_path / "scenarios.json", [GOOD], **other), KIND) == []


def test_what_is_no_commit_has_no_earlier_rounds(tmp_path: Path) -> None:
    file = write(tmp_path / "scenarios.json", [GOOD], commit=None)
    assert earlier(file, {**KIND, "commit": None}) == []


def test_one_of_several_rounds_may_skip_nothing() -> None:
    assert passed(SKIPPED, times=1)
    assert not passed(SKIPPED, times=2)
    assert not passed(FAILED, times=1)
