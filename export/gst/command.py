"""`dragoman export gst`: its command line, and the environments it runs in."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from typing import Any

from export import folder
from export.gst.kept import kept
from export.repository import ensure_glue
from export.setup import components
from export.setup.cache import REPOSITORY, Cache

MODEL = "gst"


def add(models: Any) -> None:
    """Add the command to the subparsers of `dragoman export`."""
    what = "how somebody speaks: the style network, trained here on packaged recordings"
    command = models.add_parser(MODEL, help=what, description=f"Export {what}.")
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--train", action="store_true", help="train it where it is not yet (ten minutes on two cores, once)"
    )
    source.add_argument(
        "--structural",
        choices=("full", "tiny"),
        help="random weights instead, for tests; it has one size, which either word means",
    )
    command.add_argument("--seed", type=int, default=0, help="of the random weights")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train if asked to, then export where onnx and onnxruntime are, which is an environment of its own."""
    if importlib.util.find_spec("onnx") is None or importlib.util.find_spec("onnxruntime") is None:
        _go_elsewhere(options)
    from export import exporter
    from export.gst.exporter import planned
    from export.gst.source import structural_source, trained_source

    if options.train:
        trainings = kept(Cache.default())
        source = trained_source(trainings.trained() / "trained.npz", trainings.described())
    else:
        source = structural_source(options.seed)
    exporter.export(planned(source), options.out, lambda line: print(f"export: {line}", flush=True))
    ensure_glue(options.out, MODEL)
    return 0


def states(repository: Any) -> dict[str, str]:
    """What has been exported, by model, for `dragoman export list`."""
    record = folder.read_record(folder.weights_folder(repository, MODEL))
    if not record:
        return {MODEL: "not exported"}
    source = record["source"]
    if "structural" in source:
        return {MODEL: f"structural {source['structural']}, seed {source['seed']}"}
    return {MODEL: f"trained here, recipe {source['recipe'][:8]}, recordings {source['recordings'][:8]}"}


def _go_elsewhere(options: argparse.Namespace) -> None:
    """Become the same command in the environment that has what it needs."""
    cache = Cache.default()
    components.ensure(cache, ["env-export"])
    python = str(cache.python("export"))
    command = [python, "-m", "export", MODEL, "--out", str(options.out)]
    command += ["--train"] if options.train else ["--structural", options.structural, "--seed", str(options.seed)]
    sys.stdout.flush()
    os.execve(python, command, {**os.environ, "PYTHONPATH": str(REPOSITORY), "ORT_DISABLE_TELEMETRY": "1"})
