"""`make loadtest` on the real parts, two users for a few seconds: each kind is loaded, judged and written down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from export.setup.cache import REPOSITORY, Cache
from export.setup.components import missing
from tests.requirements import require_or_skip

RUN_S = 120.0
"""On a machine that does much else; by itself it takes a quarter of it."""


@pytest.fixture(scope="module")
def have_locust() -> None:
    for one in missing(Cache.default(), ["env-loadtest", "sipp", "prompts"]):
        require_or_skip("loadtest", False, one.sentence)


def load(targets: str, out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    steps = ("--first", "1", "--by", "1", "--most", "2", "--settle", "2", "--hold", "5", "--least", "1")
    return subprocess.run(
        [sys.executable, "-m", "loadtest.capacity", "--targets", targets, "--out", str(out), *steps, *words],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )


def steps(out: Path, target: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / f"{target}.json").read_text())["steps"]
    return found


def assert_written(out: Path, target: str) -> None:
    for name in (f"{target}.html", f"{target}_stats.csv", f"{target}_stats_history.csv", "table.md"):
        assert (out / name).stat().st_size > 100, name


@pytest.mark.parametrize("target", ["scripted", "legs"])
def test_calls(target: str, have_locust: None, have_asterisk: None, tmp_path: Path) -> None:
    done = load(target, tmp_path)
    found = steps(tmp_path, target)
    assert found[0]["up"] == 1, done.stdout + done.stderr
    assert found[-1]["up"] == found[-1]["users"]
    assert found[0]["frames"]["in"] > 100, "no audio came through"
    assert found[0]["processes"]["controller"]["cores"] > 0
    assert any(one["rows"].get("lag", {"n": 0})["n"] for one in found), "nobody heard a translation"
    assert_written(tmp_path, target)
    assert target == "legs" or "asterisk" in done.stdout


def test_models(have_locust: None, repository: Path, tmp_path: Path) -> None:
    done = load("speech,recognition,embedding", tmp_path, "--repository", str(repository), "--most", "1")
    (speech,), (recognition,) = steps(tmp_path, "speech")[:1], steps(tmp_path, "recognition")[:1]
    assert speech["failed"] == recognition["failed"] == 0, done.stdout + done.stderr
    assert speech["rows"]["first chunk"]["n"] > 0
    assert speech["rows"]["gap"]["n"] > 0
    assert recognition["rows"]["recognition"]["n"] > 0
    assert recognition["models"]["whisper"]["requests"] > 0
    assert "triton/whisper" in recognition["processes"]
    assert "Left out: none of the models ecapa_tdnn, campplus has weights" in done.stdout
    assert_written(tmp_path, "speech")
