"""`dragoman export`: makes a model repository ready to be served.

Knows the command line; what a model consists of stands in a module a model.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from controller.errors import DragomanError, UsageError
from export import offline
from export.repository import Repository
from export.setup.cache import REPOSITORY, Cache


def main(argv: Sequence[str]) -> int:
    """Run a command; returns the exit code. What goes wrong is told in one sentence."""
    try:
        options = _parser().parse_args(argv)
        code: int = options.run(options)
    except DragomanError as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"export: cannot write the model repository: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("export: interrupted; run it again to go on", file=sys.stderr)
        return 130
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See `{self.prog} --help`")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="dragoman export", description="Make a model repository ready to be served.")
    models = parser.add_subparsers(required=True, metavar="MODEL")
    all_offline = models.add_parser("offline", help="the recogniser, translator and voice that need no key")
    all_offline.add_argument("--out", type=Path, default=REPOSITORY / "model_repository", help="model repository")
    all_offline.add_argument("--whisper", type=Path, metavar="FOLDER", help="a CTranslate2 Whisper folder of your own")
    all_offline.set_defaults(run=_offline)
    listing = models.add_parser("list", help="what can be exported, and what has been")
    listing.add_argument("--out", type=Path, default=REPOSITORY / "model_repository", help="model repository")
    listing.set_defaults(run=_list)
    return parser


def _offline(options: argparse.Namespace) -> int:
    began = time.monotonic()
    cache = Cache.default()
    repository = Repository(options.out)
    for plan in offline.plans(cache, options.whisper):
        done = repository.fill(plan, cache)
        print(f"export: {plan.model} {'ready' if done else 'was ready already'} ({plan.source.name})")
    print(f"export: {repository.folder} is ready ({time.monotonic() - began:.1f} s)")
    return 0


def _list(options: argparse.Namespace) -> int:
    exported = Repository(options.out).exported()
    for model in offline.MODELS:
        record = exported.get(model)
        state = f"{record['source']['name']} {record['source']['version']}" if record else "not exported"
        print(f"offline  {model:<10} {state}")
    return 0
