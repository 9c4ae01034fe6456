"""`make loadtest [TARGETS=scripted,legs] [FIRST=5 BY=5 MOST=60 HOLD=20] [TRITON=host:port METRICS=http://...]`.

Each target is loaded by Locust without a face until it breaks. Writes a JSON, an HTML page and CSV files a target and
table.md for all; exits 1 where one carries less than it must, 2 where one could not be loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from controller.errors import DragomanError
from controller.stack.process import Run
from export.setup.cache import REPOSITORY, Cache
from export.setup.errors import SetupError
from loadtest.capacity import perf, plan, table
from loadtest.capacity.targets import TARGETS, Missing, Place, Target, up

USERS: Final = REPOSITORY / "loadtest" / "capacity" / "users"
SLACK_S: Final = 300.0
"""For a run of Locust beyond its steps."""


def main() -> int:
    options = _parser().parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    parts, code = [_machine()], 0
    for name in options.targets:
        target = _chosen(TARGETS[name], options)
        try:
            with Run(options.out / "logs" / name) as run:
                place = Place(run, options.repository, options.out.resolve(), options.triton, options.metrics)
                report, beside = _load(target, place)
        except Missing as error:
            parts.append(f"## {target.what}\n\nLeft out: {error}.\n")
            continue
        except (DragomanError, SetupError, OSError) as error:
            print(f"loadtest: {name}: {error}", file=sys.stderr)
            parts.append(f"## {target.what}\n\nCould not be loaded: {error}\n")
            code = 2
            continue
        parts.append(table.target(target.what, report, target.least) + beside)
        code = max(code, int(report["carried"] < target.least))
    text = "\n".join(parts)
    (options.out / "table.md").write_text(text, encoding="utf-8")
    print(text)
    print(f"tables: {options.out / 'table.md'}; beside it Locust's pages and CSV files, a target each")
    return code


def _load(target: Target, place: Place) -> tuple[dict[str, Any], str]:
    """Have Locust load it; the steps, and what perf_analyzer says beside them.

    Raises:
        DragomanError, OSError: it could not be loaded.
    """
    python = Cache.default().python("loadtest")
    out = place.folder / target.name
    Path(f"{out}.json").unlink(missing_ok=True)
    with up(target, place) as run:
        told = place.folder / f"{target.name}-plan.json"
        run.write(told)
        file, user = target.user.split()
        command: list[str | Path] = [
            *(python, "-m", "locust", "-f", USERS / file, user, "--headless", "--only-summary", "--stop-timeout", "5"),
            *("--csv", out, "--csv-full-history", "--html", f"{out}.html", "--exit-code-on-error", "0"),
        ]
        environment = {plan.VARIABLE: str(told), "PYTHONPATH": str(REPOSITORY)}
        print(f"loadtest: {target.name}: {target.what}", file=sys.stderr, flush=True)
        locust = place.run.spawn("locust", command, env=environment, cwd=REPOSITORY)
        steps = target.steps
        most = 2 * (steps.most // steps.by + 2) * (steps.settle_s + steps.hold_s + 5) + SLACK_S
        ended = locust.wait(most)
        if ended != 0 or not Path(run.out).exists():
            locust.stop(5)
            raise OSError(f"Locust ended with {ended}: {locust.log_tail(3)} (see {locust.log})")
        beside = perf.beside(run, place.folder) if run.model else ""
    report: dict[str, Any] = json.loads(Path(run.out).read_text(encoding="utf-8"))
    return report, beside


def _chosen(target: Target, options: argparse.Namespace) -> Target:
    """With the steps that the command names."""
    named = {"first": options.first, "by": options.by, "most": options.most, "hold_s": options.hold,
             "settle_s": options.settle}  # fmt: skip
    steps = replace(target.steps, **{name: value for name, value in named.items() if value is not None})
    return replace(target, steps=steps, least=target.least if options.least is None else options.least)


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"# What this machine carries\n\n{os.cpu_count()} cores, {model}; load before: {os.getloadavg()[0]:.1f}.\n"


def _targets(words: str) -> list[str]:
    names = words.split(",")
    if unknown := sorted(set(names) - set(TARGETS)):
        raise argparse.ArgumentTypeError(f"there is no target {', '.join(unknown)}: {', '.join(TARGETS)}")
    return names


def _count(word: str) -> int:
    number = int(word)
    if number < 1:
        raise ValueError(word)
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest.capacity", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/loadtest"))
    parser.add_argument("--targets", type=_targets, default=list(TARGETS), metavar="A,B", help=", ".join(TARGETS))
    parser.add_argument("--first", type=_count, help="users of the first step; by default each target's own")
    parser.add_argument("--by", type=_count, help="users more, each step")
    parser.add_argument("--most", type=_count, help="no step has more")
    parser.add_argument("--hold", type=float, help="seconds for which a step counts")
    parser.add_argument("--settle", type=float, help="seconds before it counts")
    parser.add_argument("--least", type=_count, help="what each target must carry")
    parser.add_argument("--repository", type=Path, default=REPOSITORY / "model_repository")
    parser.add_argument("--triton", default="", metavar="HOST:PORT", help="a Triton that runs already")
    parser.add_argument("--metrics", default="", metavar="URL", help="its metrics, http://host:8002/metrics")
    return parser


if __name__ == "__main__":
    sys.exit(main())
