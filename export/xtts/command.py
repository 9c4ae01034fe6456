"""`dragoman export xtts`: its command line, the licence, and the environment it runs in."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from controller.errors import UsageError
from export import folder
from export.repository import ensure_glue
from export.setup import components
from export.setup.cache import REPOSITORY, Cache
from export.xtts.source import Source, checkpoint_source, structural_source

MODELS = ("xtts_v2", "xtts_conditioning")

LICENCE = "CPML-1.0.0"
NOTICE = """\
The weights of XTTS v2 are under the Coqui Public Model License 1.0.0 (CPML), which allows non-commercial use only, of
the model and of what it says; a fine-tune of it is under the same. Its text: https://tts-hub.github.io/cpml"""


def add(models: Any) -> None:
    """Add the command to the subparsers of `dragoman export`."""
    what = "the voice XTTS v2, from its checkpoint"
    command = models.add_parser("xtts", help=what, description=f"Export {what}.")
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", type=Path, metavar="FOLDER", help="holds model.pth, config.json, vocab.json")
    source.add_argument("--structural", choices=("full", "tiny"), help="random weights instead, for tests and benches")
    command.add_argument("--seed", type=int, default=0, help="of the random weights")
    command.add_argument("--accept-licence", action="store_true", help="you have read and accept the weights' licence")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Export where onnx and onnxruntime are, which is an environment of its own."""
    if importlib.util.find_spec("onnx") is None or importlib.util.find_spec("onnxruntime") is None:
        _go_elsewhere(options)
    from export import exporter
    from export.xtts.exporter import planned

    source = _source(options)
    licence = accepted(options.checkpoint, options.accept_licence) if source.licensed else None
    exporter.export(planned(source, licence), options.out, lambda line: print(f"export: {line}", flush=True))
    for model in MODELS:
        ensure_glue(options.out, model)
    return 0


def states(repository: Path) -> dict[str, str]:
    """What has been exported, by model, for `dragoman export list`."""
    return {model: _state(folder.read_record(folder.weights_folder(repository, model))) for model in MODELS}


def accepted(checkpoint: Path, accept: bool) -> str:
    """Show the licence; returns its name once it is accepted.

    Raises:
        UsageError: it is not.
    """
    print(NOTICE)
    text = next((path for path in sorted(checkpoint.glob("LICEN[CS]E*")) if path.is_file()), None)
    if text is not None:
        print(f"\n{text.read_text(encoding='utf-8', errors='replace').strip()}\n")
    if accept:
        return LICENCE
    if sys.stdin is not None and sys.stdin.isatty() and input("Accept it? Type yes: ").strip().lower() == "yes":
        return LICENCE
    raise UsageError("the licence of these weights was not accepted: give --accept-licence once you have read it")


def _source(options: argparse.Namespace) -> Source:
    if options.structural:
        return structural_source(options.structural, options.seed)
    return checkpoint_source(options.checkpoint)


def _state(record: dict[str, Any]) -> str:
    if not record:
        return "not exported"
    source = record["source"]
    return source.get("checkpoint") or f"structural {source['structural']}, seed {source['seed']}"


def _go_elsewhere(options: argparse.Namespace) -> None:
    """Become the same command in the environment that has what it needs."""
    cache = Cache.default()
    components.ensure(cache, ["env-export"])
    python = str(cache.python("export"))
    command = [python, "-m", "export", "xtts", "--out", str(options.out)]
    if options.structural:
        command += ["--structural", options.structural, "--seed", str(options.seed)]
    else:
        command += ["--checkpoint", str(options.checkpoint)]
    command += ["--accept-licence"] * options.accept_licence
    sys.stdout.flush()
    os.execve(python, command, {**os.environ, "PYTHONPATH": str(REPOSITORY), "ORT_DISABLE_TELEMETRY": "1"})
