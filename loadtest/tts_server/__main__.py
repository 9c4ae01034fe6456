"""`make bench-tts-server [ROUNDS=n] [STREAMS=1,4] [PRECISIONS=8bit,fp32] [SIZE=tiny]`, on a reader's GPU with
`PROVIDER=cuda`, or on a server that runs already with `URL=host:port [METRICS=http://...] [VOICE=ana.npz]`.

Writes tts-server.json, prints the tables; exits 1 where a bound does not hold, 2 where it could not be measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from controller.errors import DragomanError
from export.xtts import structural
from loadtest.tts_server import bounds
from loadtest.tts_server.bench import Options, run
from loadtest.xtts.exchange import EngineFailed


def main() -> int:
    words = _parser().parse_args()
    precisions = words.precisions or ("8bit" if words.provider == "cpu" else "fp16")
    options = Options(
        size=words.size,
        rounds=words.rounds,
        streams=words.streams,
        precisions=precisions.split(","),
        provider=words.provider,
        url=words.url,
        metrics=words.metrics,
        voice=words.voice,
        folder=words.out.parent / "tts-server",
    )
    try:
        report = run(options)
    except (DragomanError, EngineFailed, subprocess.CalledProcessError, OSError) as error:
        print(f"bench-tts-server: {error}", file=sys.stderr)
        return 2
    judged = bounds.judge(report, report["rows"][0]["engine"])
    report["bounds"] = [vars(one) for one in judged]
    words.out.parent.mkdir(parents=True, exist_ok=True)
    words.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    meant = words.size == "full"
    print(f"\n{bounds.table(report['rows'])}\n")
    for one in report["rows"]:
        if one["work"] is not None and one["arrivals"] == "at_once":
            print(bounds.quicker(one))
    print(f"\n{bounds.verdicts(judged, meant=meant)}\nfigures: {words.out}")
    return 0 if all(one.holds for one in judged) or not meant else 1


def _counts(word: str) -> list[int]:
    found = [int(one) for one in word.split(",")]
    if min(found) < 1:
        raise ValueError(word)
    return found


def _count(word: str) -> int:
    (found,) = _counts(word)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest.tts_server", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/bench/tts-server.json"))
    parser.add_argument("--size", choices=tuple(structural.SIZES), default="full", help="tiny: to try the bench itself")
    parser.add_argument("--rounds", type=_count, default=bounds.LEAST_ROUNDS)
    parser.add_argument("--streams", type=_counts, default=[1, 2, 4, 8], metavar="N,N", help="at a time")
    parser.add_argument("--precisions", metavar="P,P", help="8bit,fp32 on processors; fp16 on a GPU")
    parser.add_argument("--provider", choices=("cpu", "cuda", "tensorrt"), default="cpu")
    parser.add_argument("--url", metavar="HOST:PORT", help="gRPC of a Triton that runs already, measured by itself")
    parser.add_argument("--metrics", metavar="URL", help="of that Triton: http://host:8002/metrics")
    parser.add_argument("--voice", type=Path, metavar="NPZ", help="a voice file; without one, random numbers")
    return parser


if __name__ == "__main__":
    sys.exit(main())
