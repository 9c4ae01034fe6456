"""`python -m loadtest.frames`: measures in turns, writes frames.json, prints a table; exits 1 on a failed bound."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvloop

from controller.api.link import ApiLink
from controller.errors import DragomanError
from controller.service import settle
from export.setup.cache import REPOSITORY, Cache
from export.setup.environment import REQUIREMENTS
from loadtest.frames import report
from loadtest.frames.cores import OURS, pin
from loadtest.frames.speech import clips
from loadtest.frames.windows import Exchange, Window, bare_timer, exchange, scraping, window

PACKAGES = ("uvloop", "numpy", "webrtcvad-wheels", "aiohttp")
PARTS = ("rows", "scrape", "passthrough")
ENGINES = ("ours", "pipecat-lean", "pipecat-default")
SCRAPED_CHANNELS = 40
LEGS = 50


def main() -> int:
    options = _parser().parse_args()
    rows: list[dict[str, Any]] = []
    bounds: list[report.Bound] = []
    result: dict[str, Any] = {"schema": "dragoman/frames/1", "engines": _engines(), "cores": os.cpu_count()}
    try:
        if "passthrough" in options.parts:
            result["passthrough"] = _passthrough(options.runs, options.passthrough_seconds)
            bounds += report.of_passthrough(result["passthrough"])
        if {"rows", "scrape"} & set(options.parts):
            windows = uvloop.run(_windows(options))
            bare = {"late_ms": report.median_quantiles([one.late_s for one in windows.get("bare", [])])}
            rows = result["rows"] = [
                report.row(windows[str(count)]) for count in options.channels if str(count) in windows
            ]
            result["bare_timer"] = bare
            bounds += [b for one in rows if one["channels"] == report.CHANNELS for b in report.of_channels(one, bare)]
            if "scrape" in options.parts:
                quiet, scraped = report.row(windows["quiet"]), report.row(windows["scraped"])
                scrapes = sum(one.scrapes for one in windows["scraped"])
                result["scrape"] = {"without": quiet, "with": scraped, "scrapes": scrapes}
                bounds += report.of_scrape(quiet, scraped)
    except DragomanError as error:
        print(f"bench-frames: {error}", file=sys.stderr)
        return 2
    result["bounds"] = [vars(one) for one in bounds]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(report.table(rows, bounds))
    return 0 if all(one.holds for one in bounds) else 1


async def _windows(options: argparse.Namespace) -> dict[str, list[Window]]:
    """All kinds of window in turns, so that what disturbs the machine disturbs them all."""
    folder = Cache.default().prompts
    said = {language: clips(folder, language) for language in ("en", "es")}
    windows: dict[str, list[Window]] = {}
    api = ApiLink("127.0.0.1", 0)  # on whatever core there is, as the service's
    pin(OURS)
    try:
        with exchange(said) as peer:
            settle()
            for number in range(options.rounds):
                for kind, work in _round(options, peer, said, api):
                    print(f"round {number + 1} of {options.rounds}: {kind}", file=sys.stderr)
                    windows.setdefault(kind, []).append(await work)
    finally:
        api.close()
    return windows


def _round(options: argparse.Namespace, peer: Exchange, said: dict[str, Any], api: ApiLink) -> Any:
    """The kinds of window of one round with their work, each made when its turn has come."""
    if "rows" in options.parts:
        for count in options.channels:
            main_row = count == report.CHANNELS
            yield str(count), window(peer, said, count, options.seconds if main_row else options.seconds / 5)
            if main_row:
                yield "bare", bare_timer(options.seconds / 2)
    if "scrape" in options.parts:
        yield "quiet", window(peer, said, SCRAPED_CHANNELS, options.seconds / 2, api)
        yield "scraped", scraping(api, window(peer, said, SCRAPED_CHANNELS, options.seconds / 2, api))


def _passthrough(runs: int, seconds: float) -> list[dict[str, Any]]:
    """Ours and pipecat's in turns, each in a process of its own."""
    found = []
    cache = Cache.default()
    for number in range(runs):
        for engine in ENGINES:
            print(f"pass-through {number + 1} of {runs}: {engine}", file=sys.stderr)
            env, module = ("controller", "ours") if engine == "ours" else ("pipecat", "pipecat")
            done = subprocess.run(
                [cache.python(env), "-m", f"loadtest.frames.passthrough.{module}", engine, str(LEGS), str(seconds)],
                cwd=REPOSITORY,
                env={**os.environ, "ORT_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(REPOSITORY)},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found.append(json.loads(done.stdout.splitlines()[-1]))
    return report.passthrough_rows(found)


def _engines() -> dict[str, str]:
    requirements = (REQUIREMENTS / "pipecat.txt").read_text()
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "pipecat-ai": re.findall(r"^pipecat-ai==(\S+)", requirements, re.MULTILINE)[0],
        "stt": "scripted",
        "mt": "scripted",
        "tts": "scripted",
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest.frames", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/bench/frames.json"))
    parser.add_argument("--channels", type=int, nargs="+", default=[20, 50, 100, 200])
    parser.add_argument("--seconds", type=float, default=20.0, help="of a window of the row that the bounds are about")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3, help="of each engine, passing through")
    parser.add_argument("--passthrough-seconds", type=float, default=8.0)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    return parser


if __name__ == "__main__":
    sys.exit(main())
