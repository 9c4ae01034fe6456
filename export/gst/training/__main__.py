"""`python -m export.gst.training WHAT`: train the network, or make what it is tested with, out of packaged recordings.

Told where everything lies; `export.gst.kept` decides that.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from export.gst import recordings
from export.gst.training import material, testing
from export.gst.training.progress import Progress

SEED = 1


def main() -> int:
    options = _parser().parse_args()
    try:
        options.run(options)
    except FileNotFoundError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training: stopped; what is whole is kept", file=sys.stderr)
        return 130
    return 0


def _train(options: argparse.Namespace) -> None:
    import torch

    from export.gst.training import training

    torch.set_num_threads(options.processes)
    began = time.monotonic()
    splits = []
    for split, packs in (("training", recordings.TRAINING), ("validation", recordings.VALIDATION)):
        path = options.material / f"{split}.npz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            material.made(packs, options.recordings, options.processes, Progress()).save(path)
        splits.append(material.load(path))
    made_s = time.monotonic() - began
    result = training.train(
        *splits, seed=SEED, steps=options.steps or training.STEPS, shuffled=options.shuffled, at=Progress().at
    )
    options.out.mkdir(parents=True, exist_ok=True)
    _save(options.out / "untrained.npz", result.untrained)
    log = {"schema": "dragoman/gst-training/1", "cores": os.cpu_count(), "material_s": round(made_s, 1), **result.log}
    (options.out / "training.json").write_text(json.dumps(log, indent=1) + "\n")
    _save(options.out / "trained.npz", result.trained)  # last: it says that all is there


def _save(path: Path, tensors: Mapping[str, Any]) -> None:
    fresh = path.with_name(f"{path.name}.tmp.npz")
    np.savez(fresh, **tensors)
    fresh.rename(path)


def _test(options: argparse.Namespace) -> None:
    testing.make(recordings.TEST, options.recordings, options.out, options.processes, Progress())


def _speakers(options: argparse.Namespace) -> None:
    testing.gather(recordings.PROFESSIONAL, options.recordings, options.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m export.gst.training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    for name, run, what in (
        ("train", _train, "trained.npz, untrained.npz and training.json in the folder OUT"),
        ("test", _test, "the clips that styles are tested with, into the file OUT"),
        ("speakers", _speakers, "clips of the professional speakers, into the file OUT"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("--recordings", type=Path, required=True, help="where the packages are unpacked")
        command.add_argument("--out", type=Path, required=True)
        command.add_argument("--processes", type=int, default=2)
        if name == "train":
            command.add_argument("--material", type=Path, required=True, help="folder of what is trained on")
            command.add_argument("--shuffled", action="store_true", help="each clip gets another's labels: a control")
            command.add_argument("--steps", type=int, help="fewer, for tests")
        command.set_defaults(run=run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
