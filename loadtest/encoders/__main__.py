"""`python -m loadtest.encoders`: our encoders and speechbrain in turns, one thread each, in one run.

Writes encoders.json, prints a table; exits 1 where a bound does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from export.setup.cache import REPOSITORY, Cache
from export.setup.environment import REQUIREMENTS
from loadtest.encoders import task
from loadtest.frames.report import Bound
from loadtest.xtts.exchange import Engine, EngineFailed

LEAST_ROUNDS: Final = 5
"""With fewer, medians say nothing."""

OURS: Final = (("ecapa_tdnn", "fp32"), ("ecapa_tdnn", "8bit"), ("campplus", "fp32"))
"""Our engines, each a process."""

COMMANDS: Final = {"ecapa_tdnn": ("ecapa", "--int8"), "campplus": ("campplus",)}

PEER: Final = ("ecapa_tdnn", "speechbrain")

COST: Final = 0.85
"""Of speechbrain's CPU at most."""
PARITY: Final = 1e-4

Rows = list[dict[str, Any]]


def main() -> int:
    options = _parser().parse_args()
    cache = Cache.default()
    try:
        for network, words in COMMANDS.items():
            _export(cache, options.config, options.weights, network, words)
        with ExitStack() as stack:
            engines = _engines(cache, options, stack)
            parity = _parity(engines)
            rounds = [_round(engines, number, options.rounds) for number in range(1, options.rounds + 1)]
    except (EngineFailed, subprocess.CalledProcessError) as error:
        print(f"bench-encoders: {error}", file=sys.stderr)
        return 2
    rows = [_row(what, batch, [one[what, batch] for one in rounds]) for what, batch in _turns(engines)]
    bounds = _bounds(rows, parity, options.rounds)
    result = {
        "schema": "dragoman/encoders/1",
        "engines": _versions(),
        "cores": os.cpu_count(),
        "config": options.config,
        "weights": "random: what they cost is that of trained ones",
        "clip_s": task.CLIP_S,
        "threads": 1,
        "rounds": options.rounds,
        "rows": rows,
        "parity": parity,
        "bounds": [vars(one) for one in bounds],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(_table(rows, bounds, enough=options.rounds >= LEAST_ROUNDS))
    return 0 if all(one.holds for one in bounds) else 1


def _export(cache: Cache, config: str, repository: Path, network: str, words: tuple[str, ...]) -> None:
    """The weights, where they are not there yet."""
    given = ["--structural", config, "--seed", str(task.SEED), "--out", str(repository)]
    subprocess.run([cache.python("export"), "-m", "export", *words, *given], cwd=REPOSITORY, check=True)


def _engines(cache: Cache, options: argparse.Namespace, stack: ExitStack) -> dict[tuple[str, str], Engine]:
    """By model and engine, started one after another."""
    engines = {}
    for model, precision in OURS:
        weights = str((options.weights / model / "1" / "weights").absolute())
        name = f"ours-{precision}"
        engine = Engine(f"{model} {name}", cache.python("export"), "loadtest.encoders.ours", weights, precision)
        engines[model, name] = stack.enter_context(engine)
    peer = Engine("speechbrain", cache.python("speechbrain"), "loadtest.encoders.peer", options.config)
    engines[PEER] = stack.enter_context(peer)
    return engines


def _parity(engines: dict[tuple[str, str], Engine]) -> dict[str, Any]:
    """Greatest differences of vectors as the networks give them, which are longer than 1."""
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for what in (("ecapa_tdnn", "ours-fp32"), ("ecapa_tdnn", "ours-8bit"), PEER):
            file = Path(folder) / f"{what[1]}.npz"
            engines[what].do("compare", out=str(file))
            with np.load(file) as stored:
                found[what[1]] = {name: stored[name].astype(np.float64) for name in stored.files}
    ours, rounded, theirs = found["ours-fp32"], found["ours-8bit"], found["speechbrain"]["alone"]
    lengths = np.linalg.norm(theirs, axis=1)
    return {
        "max_abs_vs_speechbrain_alone": float(np.abs(ours["alone"] - theirs).max()),
        "max_abs_batched_vs_alone": float(np.abs(ours["together"] - ours["alone"]).max()),
        "max_abs_batched_vs_speechbrain_alone": float(np.abs(ours["together"] - theirs).max()),
        "vector_length": {"least": float(lengths.min()), "most": float(lengths.max())},
        "least_cosine_8bit": float(_cosines(rounded["together"], theirs).min()),
        "max_abs_8bit_batched_vs_alone": float(np.abs(rounded["together"] - rounded["alone"]).max()),
        "clips_s": list(task.LENGTHS_S),
    }


def _cosines(one: Any, other: Any) -> Any:
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


def _turns(engines: dict[tuple[str, str], Engine]) -> list[tuple[tuple[str, str], int]]:
    return [(what, batch) for what in engines for batch in task.BATCHES]


def _round(engines: dict[tuple[str, str], Engine], number: int, rounds: int) -> dict[Any, dict[str, float]]:
    """Each engine at each batch size, begun with another one each time."""
    turns = _turns(engines)
    first = (number - 1) % len(turns)
    found = {}
    for what, batch in turns[first:] + turns[:first]:
        print(f"round {number} of {rounds}: {' '.join(what)}, {batch} at a time", file=sys.stderr)
        found[what, batch] = engines[what].do("encode", batch=batch)
    return found


def _row(what: tuple[str, str], batch: int, measured: list[dict[str, float]]) -> dict[str, Any]:
    """Medians over the rounds."""
    return {
        "model": what[0],
        "engine": what[1],
        "batch": batch,
        "cpu_ms_per_clip": round(median(one["cpu_ms"] for one in measured), 2),
        "wall_ms_per_clip": round(median(one["wall_ms"] for one in measured), 2),
        "each": {"cpu_ms_per_clip": [round(one["cpu_ms"], 2) for one in measured]},
    }


def _bounds(rows: Rows, parity: dict[str, Any], rounds: int) -> list[Bound]:
    by = {(one["model"], one["engine"], one["batch"]): one["cpu_ms_per_clip"] for one in rows}
    found = []
    for batch in task.BATCHES:
        ratio = by["ecapa_tdnn", "ours-fp32", batch] / by[*PEER, batch]
        found.append(
            Bound(f"CPU a clip, {batch} at a time, of speechbrain's", f"{ratio:.3f}", f"<= {COST}", ratio <= COST)
        )
    for what, name in (
        ("vectors as speechbrain's of the clip alone", "max_abs_vs_speechbrain_alone"),
        ("vectors in company as alone", "max_abs_batched_vs_alone"),
    ):
        found.append(Bound(what, f"{parity[name]:.2g}", f"<= {PARITY}", parity[name] <= PARITY))
    found.append(Bound("rounds", f"{rounds}", f">= {LEAST_ROUNDS}", rounds >= LEAST_ROUNDS))
    return found


def _table(rows: Rows, bounds: list[Bound], *, enough: bool) -> str:
    """`enough`: whether there were rounds enough to say of anything that it is ok."""
    lines = ["model        engine       at a time  CPU ms a clip  wall ms a clip"]
    for one in rows:
        lines.append(
            f"{one['model']:<12} {one['engine']:<12} {one['batch']:>9}  {one['cpu_ms_per_clip']:>13}"
            f"  {one['wall_ms_per_clip']:>14}"
        )
    holds = "ok  " if enough else "few "
    lines += [f"{holds if one.holds else 'MISS'} {one.what}: {one.measured} ({one.bound})" for one in bounds]
    return "\n".join(lines)


def _versions() -> dict[str, str]:
    pins = "".join((REQUIREMENTS / f"{name}.txt").read_text() for name in ("export", "speechbrain", "coqui-tts-cpu"))
    wanted = ("onnxruntime", "speechbrain", "torch")
    found = {name: re.findall(rf"^{name}==(\S+)", pins, re.MULTILINE)[0] for name in wanted}
    return {"python": platform.python_version(), **found}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest.encoders", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/bench/encoders.json"))
    parser.add_argument("--config", choices=("full", "tiny"), default="full")
    parser.add_argument("--weights", type=Path, default=Path("build/bench/encoder-weights"), help="model repository")
    parser.add_argument("--rounds", type=int, default=5)
    return parser


if __name__ == "__main__":
    sys.exit(main())
