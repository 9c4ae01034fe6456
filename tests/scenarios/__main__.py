"""`make scenarios [TIMES=n] [ONLY=name]`: every scenario on the real Asterisk, n times, results in scenarios.json.

It can be resumed: rounds that passed are kept in the file and not run again until every round has been run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "build" / "test" / "scenarios.json"
SCHEMA = "dragoman/scenarios/1"


def main() -> int:
    """Run what is left to run; 0 where every round passed."""
    times, only = int(os.environ.get("TIMES") or 1), os.environ.get("ONLY") or ""
    rounds = _earlier(times, only)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    while len(rounds) < times:
        number = len(rounds) + 1
        print(f"scenarios: round {number} of {times}", flush=True)
        one = _round(only)
        rounds.append(one)
        body = {"schema": SCHEMA, "cores": os.cpu_count(), "times": times, "only": only, "rounds": rounds}
        RESULT.write_text(json.dumps(body, indent=1) + "\n")
        for name in one["skipped"]:
            print(f"scenarios: skipped: {name}", file=sys.stderr)
        if one["failed"]:
            print(f"scenarios: round {number} failed: {', '.join(one['failed'])}", file=sys.stderr)
            return 1
    print(f"scenarios: {times} rounds passed; see {RESULT.relative_to(ROOT)}")
    return 0


def _earlier(times: int, only: str) -> list[dict[str, Any]]:
    """The rounds of an interrupted or failed call of the same kind that passed; none where it was complete."""
    try:
        before = json.loads(RESULT.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return []
    good = [one for one in before["rounds"] if not one["failed"]]
    same = (before["times"], before["only"]) == (times, only)
    return good if same and len(good) < times else []


def _round(only: str) -> dict[str, Any]:
    results = RESULT.with_name("scenarios.xml")
    results.unlink(missing_ok=True)  # one of an earlier round must not be taken for this one's
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "tests/scenarios", "--junitxml", str(results)]
    code = subprocess.run(command + (["-k", only] if only else []), cwd=ROOT, check=False).returncode
    cases = list(ET.parse(results).iter("testcase")) if results.is_file() else []
    failed = [
        case.get("name", "") for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = [case.get("name", "") for case in cases if case.find("skipped") is not None]
    passed = len(cases) - len(failed) - len(skipped)
    if code and not failed:
        failed = [f"pytest ended with {code}"]
    elif not passed and not failed:
        failed = ["nothing was run"]
    return {
        "passed": passed,
        "failed": failed,
        "skipped": skipped,
        "seconds": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
