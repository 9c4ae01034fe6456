"""The demo as a user runs it: its exit code, its captions, and its report by value."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.demo.script import SPANISH, prompts
from controller.stack.wav import PHONE_RATE, read_wav, write_wav
from export.setup.cache import Cache
from tests.left_behind import shared_memory, traces

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 400.0


def demo(folder: Path, *options: str | Path) -> tuple[subprocess.CompletedProcess[str], list[Path]]:
    """How a demo ended, and the files and shared memory it left; what it printed is kept in `folder`."""
    out, err = folder / "out.txt", folder / "err.txt"
    with traces() as left, out.open("w") as stdout, err.open("w") as stderr:
        command = [sys.executable, "-m", "controller", "demo", *map(str, options)]
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=left.env, cwd=ROOT)
        marks: set[str] = set()  # they tell its shared memory, and are found only while it runs
        deadline = time.monotonic() + LIMIT_S
        try:
            while process.poll() is None and time.monotonic() < deadline:
                marks |= left.marks()
                time.sleep(0.5)
        finally:
            process.kill()
            code = process.wait()
        assert left.processes() == []
        assert marks, "no run was seen, so that what it left cannot be found"
        done = subprocess.CompletedProcess(command, code, out.read_text(), err.read_text())
        return done, [*left.files(), *shared_memory(marks)]


def played(report: dict[str, Any], listener: str) -> list[dict[str, Any]]:
    return [
        one
        for clause in report["clauses"]
        for one in clause["deliveries"]
        if one["listener"] == listener and one["outcome"] == "played"
    ]


def check_sums(report: dict[str, Any]) -> None:
    """What must add up in any report."""
    deliveries = [one for clause in report["clauses"] for one in clause["deliveries"]]
    balance = report["conservation"]
    assert balance["deliveries"] == len(deliveries) == balance["played"] + balance["dropped"]
    for clause in report["clauses"]:
        for one in clause["deliveries"]:
            if one["outcome"] == "played":
                assert one["lag_ms"] == pytest.approx((one["first_audio_s"] - clause["end_s"]) * 1000, abs=2)
                assert sum(one["stages_ms"].values()) == pytest.approx(one["lag_ms"], abs=2)
                assert one["last_audio_s"] > one["first_audio_s"]
                assert one["ear_s"] is None or one["ear_s"] >= one["first_audio_s"]
    for leg in report["legs"]:
        assert leg["frames_dropped"] <= 0.01 * leg["frames_in"]
        assert leg["frames_out"] == pytest.approx(leg["frames_in"], rel=0.02, abs=50)


def test_the_packaged_demo(have_asterisk: None, repository: Path, tmp_path: Path) -> None:
    done, left = demo(tmp_path, "--report", tmp_path, "--model-repository", repository)
    assert done.returncode == 0, done.stderr
    assert left == []
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["schema"] == "dragoman/demo/1"
    assert tuple(map(int, report["engines"]["asterisk"].split(".")))[:2] >= (22, 8)
    assert report["engines"]["triton"] == "2.51.0"
    check_sums(report)
    assert len(report["clauses"]) >= 8
    assert len(played(report, "a")) >= 4
    assert len(played(report, "b")) >= 4
    assert report["wer_recognised"]["a"] <= 0.15
    assert report["wer_recognised"]["b"] <= 0.25
    assert report["lag_ms"]["p95"] <= 2500
    assert report["ear_lag_ms"]["n"] >= 0.9 * report["lag_ms"]["n"], "marks did not come back"
    ends = {leg["leg"]: [one["end_s"] for one in leg["said"]] for leg in report["legs"]}
    for clause in report["clauses"][:2]:
        nearest = min(abs(end - clause["end_s"]) for end in ends[clause["leg"]])
        assert nearest < 0.25, "the recording was not found on the call's clock"
    for leg in ("a", "b"):
        heard = read_wav(tmp_path / f"{leg}_heard.wav")
        assert len(heard) / PHONE_RATE > 60
        assert np.max(np.abs(heard)) > 3000
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Please check the number" in page
    assert "://" not in page, "the page must need nothing from elsewhere"
    assert len(page) < 8_000_000
    assert "Please check the number" in done.stdout
    assert " ms)" in done.stdout, "the captions tell the lag"


def test_the_users_own_recordings(have_asterisk: None, repository: Path, tmp_path: Path) -> None:
    """A says one prompt in Spanish, B says nothing; what they say is not known beforehand."""
    (_, first), (_, second) = prompts(Cache.default().prompts, "es", SPANISH[:2])
    write_wav(tmp_path / "caller.wav", first, PHONE_RATE)
    write_wav(tmp_path / "callee.wav", np.zeros_like(second), PHONE_RATE)
    own = ("--caller", tmp_path / "caller.wav", "--callee", tmp_path / "callee.wav", "--from", "es", "--to", "en")
    done, left = demo(tmp_path, "--report", tmp_path / "report", "--model-repository", repository, *own)
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert left == []
    check_sums(report)
    assert len(played(report, "b")) == 1
    assert "número" in report["clauses"][0]["source"]
    assert report["legs"][0]["said"][0]["text"] is None
    assert report["wer_recognised"] == {"a": None, "b": None}
    assert [leg["silent"] for leg in report["legs"]] == [False, True]
    assert done.returncode == 0, done.stderr
