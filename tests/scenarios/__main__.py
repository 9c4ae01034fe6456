"""`make scenarios [TIMES=n] [ONLY=name]`: every scenario on the real Asterisk, n times, results in scenarios.json.

It can be resumed: rounds that passed are kept in the file and not run again until every round has been run, as long
as they are of the same commit, with nothing changed on it. One of several rounds passed if it skipped nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "build" / "test" / "scenarios.json"
SCHEMA = "dragoman/scenarios/1"

LANES = {
    "models": "models and not frozen",
    "frozen": "frozen or minute",
    "scripted": "not models and not frozen and not minute",
}
"""What runs side by side, as pytest marks it: about as long each, and the costly models are not all of one lane."""

TOLD = re.compile(rb"^(tests/\S+::.+) (PASSED|FAILED|SKIPPED|ERROR)\b")
"""A line of pytest's that says how one scenario went."""

LOOK_S = 1.0
"""Seconds between two looks at what has been told."""

NOTHING_CHOSEN = 5
"""How pytest ends where ONLY left nothing for a lane."""


def main() -> int:
    """Run what is left to run; 0 where every round passed."""
    times, only = int(os.environ.get("TIMES") or 1), os.environ.get("ONLY") or ""
    kind = {"times": times, "only": only, "commit": _commit()}
    rounds = earlier(RESULT, kind)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    while len(rounds) < times:
        number = len(rounds) + 1
        print(f"scenarios: round {number} of {times}", flush=True)
        one = _round(only)
        rounds.append(one)
        body = {"schema": SCHEMA, "cores": os.cpu_count(), **kind, "rounds": rounds}
        RESULT.write_text(json.dumps(body, indent=1) + "\n")
        for name in one["skipped"]:
            print(f"scenarios: skipped: {name}", file=sys.stderr)
        if not passed(one, times):
            why = one["failed"] or [f"{len(one['skipped'])} skipped"]
            print(f"scenarios: round {number} failed: {', '.join(why)}", file=sys.stderr)
            return 1
    print(f"scenarios: {times} rounds passed; see {RESULT.relative_to(ROOT)}")
    return 0


def earlier(result: Path, kind: dict[str, Any]) -> list[dict[str, Any]]:
    """The rounds of an interrupted or failed call of the same kind that passed; none where it was complete.

    Args:
        kind: `times`, `only`, and the `commit` that is run, None where what is run is no commit.
    """
    try:
        before = json.loads(result.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return []
    if kind["commit"] is None or any(before.get(name) != value for name, value in kind.items()):
        return []
    good = [one for one in before["rounds"] if passed(one, kind["times"])]
    return good if len(good) < kind["times"] else []


def passed(one: dict[str, Any], times: int) -> bool:
    """Whether a round passed; one that skipped a scenario only where it is the only one."""
    return not one["failed"] and (times == 1 or not one["skipped"])


def _commit() -> str | None:
    """What is run; None where files were changed since, or this is no clone."""
    try:
        head = _git("rev-parse", "HEAD")
        return None if _git("status", "--porcelain") else head
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    said = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return said.stdout.strip()


def _round(only: str) -> dict[str, Any]:
    """All lanes side by side: calls spend their time waiting for what people say."""
    began = time.monotonic()
    runs = {lane: _begin(lane, chosen, only) for lane, chosen in LANES.items()}
    _tell(runs)
    one: dict[str, Any] = {"passed": 0, "failed": [], "skipped": []}
    for lane, process in runs.items():
        if process.returncode != NOTHING_CHOSEN:
            print(_tail(_result(lane, "txt").read_text()), end="", flush=True)
            _count(lane, process.returncode, one)
    if not one["passed"] and not one["failed"]:
        one["failed"] = ["nothing was run"]
    return {**one, "seconds": round(time.monotonic() - began, 1)}


def _tell(runs: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Say how each scenario went, as soon as its lane says it, until all lanes have ended."""
    read = dict.fromkeys(runs, 0)
    going = True
    while going:
        going = any(process.poll() is None for process in runs.values())
        for lane in runs:
            with _result(lane, "txt").open("rb") as said:
                said.seek(read[lane])
                whole, newline, _ = said.read().rpartition(b"\n")  # of a line that is being written, the rest comes
            read[lane] += len(whole) + len(newline)
            for told in filter(None, map(TOLD.match, whole.splitlines())):
                print(f"{lane:9} {told[2].decode():8} {told[1].decode()}", flush=True)
        if going:
            time.sleep(LOOK_S)


def _tail(said: str) -> str:
    """What a lane says beyond how each of its scenarios went: failures at length, and the sum."""
    return "".join(line for line in said.splitlines(keepends=True) if not TOLD.match(line.encode()))


def _begin(lane: str, chosen: str, only: str) -> subprocess.Popen[bytes]:
    results = _result(lane, "xml")
    results.unlink(missing_ok=True)  # one of an earlier round must not be taken for this one's
    command = [sys.executable, "-m", "pytest", "-v", "--no-header", "tests/scenarios"]
    command += ["--junitxml", str(results), "-m", chosen, *(["-k", only] if only else [])]
    with _result(lane, "txt").open("wb") as said:
        return subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)


def _count(lane: str, code: int, one: dict[str, Any]) -> None:
    """Add what a lane's results say to the round's."""
    results = _result(lane, "xml")
    cases = list(ET.parse(results).iter("testcase")) if results.is_file() else []
    failed = [
        case.get("name", "") for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = [case.get("name", "") for case in cases if case.find("skipped") is not None]
    one["passed"] += len(cases) - len(failed) - len(skipped)
    one["failed"] += failed or ([f"pytest ended with {code} ({lane})"] if code else [])
    one["skipped"] += skipped


def _result(lane: str, kind: str) -> Path:
    return RESULT.with_name(f"scenarios-{lane}.{kind}")


if __name__ == "__main__":
    sys.exit(main())
