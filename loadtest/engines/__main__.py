"""`python -m loadtest.engines`: each engine of another's against its stand-in, one after the other.

Writes engines.json, prints a table; exits 1 where a bound does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from loadtest.engines import deepgram
from loadtest.engines.standin import StandInFailed
from loadtest.frames.report import Bound

MEASURES: Final = {"deepgram": deepgram.measure}
LIBRARIES: Final = ("deepgram-sdk", "websockets", "uvloop")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.engines")
    parser.add_argument("--out", type=Path, required=True, help="where engines.json goes")
    parser.add_argument("--only", choices=MEASURES, help="one of them")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    bounds: list[Bound] = []
    for name, measure in MEASURES.items():
        if options.only in (None, name):
            print(f"{name}: measuring", file=sys.stderr)
            try:
                row, found = measure()
            except StandInFailed as error:
                print(f"bench-engines: {error}", file=sys.stderr)
                return 2
            rows.append(row)
            bounds += found
    report = {
        "schema": "dragoman/engines/1",
        "engines": {name: version(name) for name in LIBRARIES},
        "cores": os.cpu_count(),
        "against": "scripted stand-ins over plain loopback: our cost, not their speed, and without that of TLS",
        "rows": rows,
        "bounds": [vars(one) for one in bounds],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    for one in bounds:
        print(f"{'holds' if one.holds else 'FAILS'}  {one.what}: {one.measured} ({one.bound})")
    return 0 if all(one.holds for one in bounds) else 1


if __name__ == "__main__":
    sys.exit(main())
