"""The systemd units: what systemd thinks of them, and that they fit the service that they start."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from controller.settings import CallSettings
from controller.stack.triton import FLAGS

FOLDER = Path(__file__).resolve().parents[2] / "docker" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
HERE_ONLY = ("--allow-gpu-metrics=false", "--exit-timeout-secs=")
"""Flags of our own runs that a machine of its own does not share, or not by value."""


def directives(unit: Path) -> dict[str, str]:
    """The last value of each, continued lines joined."""
    text = unit.read_text().replace("\\\n", " ")
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def seconds(time: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(min|s|)", time).groups()  # type: ignore[union-attr]
    return float(number) * (60 if unit == "min" else 1)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not on this machine")
    # What a unit starts must exist for systemd, and is not installed here.
    copy = tmp_path / unit.name
    copy.write_text(
        re.sub(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", unit.read_text(), flags=re.MULTILINE)
    )
    done = subprocess.run(
        [analyze, "verify", "--man=no", copy], capture_output=True, text=True, timeout=60, check=False
    )
    about_ours = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, about_ours) == (0, []), done.stderr


def test_a_stop_waits_longer_than_calls_may_take_and_tells_one_process_alone() -> None:
    unit = directives(FOLDER / "dragoman.service")
    assert seconds(unit["TimeoutStopSec"]) > CallSettings().drain_s
    assert unit["KillMode"] == "mixed", "the API's process must go on answering while calls end"
    assert " serve --config " in unit["ExecStart"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_nothing_runs_as_root_or_gives_up(unit: Path) -> None:
    found = directives(unit)
    assert found["User"].startswith("dragoman")
    assert found["NoNewPrivileges"] == "yes" and found["CapabilityBoundingSet"] == ""
    assert found["StartLimitIntervalSec"] == "0", "what it needs may come up minutes later"


def test_triton_is_started_as_our_tests_start_it() -> None:
    words = directives(FOLDER / "dragoman-triton.service")["ExecStart"].split()
    lacking = [flag for flag in FLAGS if flag not in words and not flag.startswith(HERE_ONLY)]
    assert lacking == []
    assert "--load-model=*" in words
    for service in ("grpc", "http", "metrics"):
        assert f"--{service}-address=127.0.0.1" in words, "its services ask for no credentials"
