"""`make bench-call [SEED=n] [PARTS=turns,continuous,scripted] [CLAUSES=n] [LINE=g722] [PHRASEBOOK=off]`.

On another line than the usual G.711, or without the phrasebook, files say so: one run does not overwrite the other.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Final

import uvloop

from controller.errors import DragomanError, UsageError
from controller.stack.phone import G722, PCMU
from controller.stack.process import Run
from export.setup.cache import REPOSITORY, Cache
from loadtest.call import bounds
from loadtest.call.bench import Options, run

FOLDER: Final = Path("build/bench")
PARTS: Final = ("turns", "continuous", "scripted")
LINES: Final = {"g711": PCMU, "g722": G722}
SWITCH: Final = {"on": True, "off": False}


def main() -> int:
    """Run it; 0 where every bound was kept."""
    try:
        options = _options(os.environ)
        recordings = options.recordings
        shutil.rmtree(recordings, ignore_errors=True)
        recordings.mkdir(parents=True)
        with Run(recordings / "logs") as stack:
            report, rows = uvloop.run(run(options, stack))
    except DragomanError as error:
        print(f"bench-call: {error}", file=sys.stderr)
        return 1
    judged = bounds.judge(report)
    failed = [one["name"] for one in judged if one["ok"] is False]
    failed += report["failed_calls"]
    report |= {"bounds": judged, "passed": not failed}
    result, clauses = (recordings.with_name(f"{recordings.name}{name}.json") for name in ("", "-clauses"))
    for file, content in ((result, report), (clauses, {"schema": "dragoman/call-clauses/1", "rows": rows})):
        file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\n{bounds.table(judged)}\n")
    print(f"figures: {result}; every clause: {clauses}; recordings: {recordings}", flush=True)
    for name, why in report["failed_calls"].items():
        print(f"FAIL: the call {name} could not be measured: {why}")
    return 1 if failed else 0


def _options(environment: dict[str, str] | os._Environ[str]) -> Options:
    parts = [one.strip() for one in (environment.get("PARTS") or ",".join(PARTS)).split(",")]
    if wrong := [one for one in parts if one not in PARTS]:
        raise UsageError(f"There is no part {wrong[0]}: choose PARTS among {','.join(PARTS)}.")
    seed, clauses = (_number(environment, name, default) for name, default in (("SEED", 1), ("CLAUSES", 40)))
    line = environment.get("LINE") or "g711"
    if line not in LINES:
        raise UsageError(f"There is no line {line}: choose LINE among {', '.join(LINES)}.")
    book = environment.get("PHRASEBOOK") or "on"
    if book not in SWITCH:
        raise UsageError(f"PHRASEBOOK is {book!r}: choose on or off.")
    marks = [line] * (line != "g711") + ["no-phrasebook"] * (not SWITCH[book])
    recordings = FOLDER / "-".join(["call", *marks])
    return Options(
        parts,
        seed,
        clauses,
        LINES[line],
        recordings,
        REPOSITORY / "model_repository",
        Cache.default().prompts,
        SWITCH[book],
    )


def _number(environment: dict[str, str] | os._Environ[str], name: str, default: int) -> int:
    said = environment.get(name) or str(default)
    if not said.isdigit() or not int(said):
        raise UsageError(f"{name} is {said!r}: give a whole number above zero.")
    return int(said)


if __name__ == "__main__":
    sys.exit(main())
