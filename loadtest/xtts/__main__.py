"""`python -m loadtest.xtts`: our parts and coqui-tts in turns, with the same structural weights, in one run.

Writes xtts.json, prints a table; exits 1 where a bound does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from export.runtime.xtts.config import FULL
from export.setup.cache import Cache
from loadtest.frames.report import Bound
from loadtest.xtts import beginnings, task
from loadtest.xtts.exchange import Engine, EngineFailed

STREAMS: Final = 8
LEAST_ROUNDS: Final = 5
"""With fewer, medians say nothing."""

OURS: Final[Mapping[str, tuple[str, int, tuple[str, ...]]]] = {
    "ours-8bit": ("8bit", STREAMS, ()),
    "ours-8bit-quick": ("8bit", 1, ("quick",)),
    "ours-8bit-still": ("8bit", 1, ("still",)),
    "ours-fp32": ("fp32", 1, ()),
}
"""Our engines, each a process: precision, rows, and what else is asked of it (see `loadtest.xtts.ours`)."""

ROWS: Final = (("ours-8bit", 1), ("ours-8bit", STREAMS), *((name, 1) for name in list(OURS)[1:]), ("coqui-tts", 1))
"""What each round measures: an engine, and how many utterances at once. coqui-tts speaks one at a time."""

LATENTS: Final = 1e-5

FRAME_S: Final = FULL.hop / FULL.output_rate
"""One frame of the vocoder: the sound of the same tokens may differ by its rounding."""


def main() -> int:
    options = _parser().parse_args()
    cache = Cache.default()
    try:
        weights = beginnings.exported(cache, options.config, options.weights)
        with ExitStack() as stack:
            engines = {name: stack.enter_context(one) for name, one in _engines(cache, options, weights)}
            parity = _parity(engines)
            rounds = [_round(engines, number, options.rounds) for number in range(1, options.rounds + 1)]
    except (EngineFailed, subprocess.CalledProcessError) as error:
        print(f"bench-xtts: {error}", file=sys.stderr)
        return 2
    rows = [_row(name, streams, [one[name, streams] for one in rounds]) for name, streams in ROWS]
    bounds = _bounds(rows, parity, options.rounds)
    result = {
        "schema": "dragoman/xtts/1",
        "engines": beginnings.versions(),
        "cores": os.cpu_count(),
        "config": options.config,
        "threads": options.threads,
        "rounds": options.rounds,
        "rows": rows,
        "parity": parity,
        "bounds": [vars(one) for one in bounds],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(_table(rows, bounds, enough=options.rounds >= LEAST_ROUNDS))
    return 0 if all(one.holds for one in bounds) else 1


def _engines(cache: Cache, options: argparse.Namespace, weights: Path) -> Any:
    """Each with its name, started one after another."""
    threads = str(options.threads)
    for name, (precision, slots, traits) in OURS.items():
        words = (str(weights.absolute()), precision, threads, str(slots), *traits)
        yield name, Engine(name, cache.python("export"), "loadtest.xtts.ours", *words)
    vocabulary = str((weights / "vocab.json").absolute())
    peer = Engine("coqui-tts", cache.python("coqui-tts"), "loadtest.xtts.peer", options.config, vocabulary, threads)
    yield peer.name, peer


def _parity(engines: dict[str, Engine]) -> dict[str, Any]:
    """Whether both say the same, where no chance is in it."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (str(Path(folder) / f"{name}.npz") for name in ("ours", "theirs"))
        engines["ours-fp32"].do("compare", out=ours)
        engines["coqui-tts"].do("compare", ids=ours, out=theirs)
        with np.load(ours) as one, np.load(theirs) as other:
            same = bool(np.array_equal(one["codes"], other["codes"]))
            off = float(np.abs(one["latents"] - other["latents"]).max()) if same else None
    return {"max_abs_latent": off, "same_tokens": same, "tokens": task.COMPARED_TOKENS}


def _round(engines: dict[str, Engine], number: int, rounds: int) -> dict[tuple[str, int], dict[str, Any]]:
    """Each row, begun with another one each time: what a machine does beside hits none of them always."""
    found = {}
    first = (number - 1) % len(ROWS)
    for name, streams in ROWS[first:] + ROWS[:first]:
        print(f"round {number} of {rounds}: {name}, {streams} at once", file=sys.stderr)
        found[name, streams] = engines[name].do("speak", **({"streams": streams} if name != "coqui-tts" else {}))
    return found


def _row(engine: str, streams: int, measured: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the rounds; `rtf` is seconds of work for a second of speech, of all streams together."""

    def middle(name: str) -> float:
        return float(median(one[name] for one in measured))

    return {
        "engine": engine,
        "streams": streams,
        "tokens_per_s": round(median(one["steps"] * streams / one["decode_s"] for one in measured), 2),
        "prefill_ms": round(middle("prefill_s") / streams * 1000),
        "utterance_s": round(middle("utterance_s"), 3),
        "rtf": round(middle("utterance_s") / (middle("audio_s") * streams), 3),
        "rss_mb": round(max(one["rss_mb"] for one in measured)),
        "each": {
            "tokens_per_s": [round(one["steps"] * streams / one["decode_s"], 2) for one in measured],
            "utterance_s": [round(one["utterance_s"], 3) for one in measured],
            "tokens": [1 + one["steps"] for one in measured],
            "audio_s": [one["audio_s"] for one in measured],
        },
    }


def _bounds(rows: list[dict[str, Any]], parity: dict[str, Any], rounds: int) -> list[Bound]:
    by = {(one["engine"], one["streams"]): one for one in rows}
    one, many, peer = by["ours-8bit", 1], by["ours-8bit", STREAMS], by["coqui-tts", 1]
    off = parity["max_abs_latent"]
    faster = peer["utterance_s"] / one["utterance_s"]
    found = [Bound("the same tokens, latents as near as", f"{off}", f"{LATENTS}", off is not None and off <= LATENTS)]
    for what, ratio, least in (
        ("tokens/s, one stream, of coqui-tts's", one["tokens_per_s"] / peer["tokens_per_s"], 3.5),
        (f"tokens/s, {STREAMS} streams together, of coqui-tts's", many["tokens_per_s"] / peer["tokens_per_s"], 12.0),
        (f"an utterance of {task.TOKENS} tokens, times faster", faster, 3.0),
    ):
        found.append(Bound(what, f"{ratio:.2f}", f">= {least}", ratio >= least))
    tokens = sorted({count for row in rows for count in row["each"]["tokens"]})
    found.append(
        Bound("tokens of each utterance", ", ".join(map(str, tokens)), f"{task.TOKENS}", tokens == [task.TOKENS])
    )
    spoken = [seconds for row in rows for seconds in row["each"]["audio_s"]]
    apart = max(spoken) - min(spoken)
    found.append(Bound("seconds of sound, apart by", f"{apart:.4f}", f"<= {FRAME_S:.4f}", apart <= FRAME_S + 1e-6))
    found.append(Bound("rounds", f"{rounds}", f">= {LEAST_ROUNDS}", rounds >= LEAST_ROUNDS))
    return found


def _table(rows: list[dict[str, Any]], bounds: list[Bound], *, enough: bool) -> str:
    """`enough`: whether there were rounds enough to say of anything that it is ok."""
    lines = ["engine           streams  tokens/s  prefill ms  utterance s    rtf  RSS MB"]
    for one in rows:
        lines.append(
            f"{one['engine']:<16} {one['streams']:>7}  {one['tokens_per_s']:>8}  {one['prefill_ms']:>10}"
            f"  {one['utterance_s']:>11}"
            f"  {one['rtf']:>5}  {one['rss_mb']:>6}"
        )
    holds = "ok  " if enough else "few "
    lines += [f"{holds if one.holds else 'MISS'} {one.what}: {one.measured} ({one.bound})" for one in bounds]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest.xtts", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/bench/xtts.json"))
    parser.add_argument("--config", choices=("full", "tiny"), default="full")
    parser.add_argument("--weights", type=Path, default=Path("build/bench/xtts-weights"), help="model repository")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    return parser


if __name__ == "__main__":
    sys.exit(main())
