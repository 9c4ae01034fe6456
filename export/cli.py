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
from export.gst import command as command_gst
from export.identity import command as command_identity
from export.mt import command as command_mt
from export.repository import Repository
from export.setup.cache import REPOSITORY, Cache
from export.xtts import command as command_xtts


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
    for name, exported, what in (
        ("offline", offline.MODELS, "the recogniser, translator and voice that need no key"),
        ("whisper", ("whisper",), "the recogniser"),
        ("apertium", ("apertium",), "the translator"),
        ("pico", ("pico",), "the voice"),
    ):
        command = models.add_parser(name, help=what, description=f"Export {what}.")
        if "whisper" in exported:
            command.add_argument("--checkpoint", type=Path, metavar="FOLDER", help="your own CTranslate2 Whisper")
        command.set_defaults(run=_export, models=exported, checkpoint=None)
    command_xtts.add(models)
    command_identity.add(models)
    command_mt.add(models)
    command_gst.add(models)
    models.add_parser("list", help="what can be exported, and what has been").set_defaults(run=_list)
    for command in models.choices.values():
        command.add_argument("--out", type=Path, default=REPOSITORY / "model_repository", help="model repository")
    return parser


def _export(options: argparse.Namespace) -> int:
    began = time.monotonic()
    cache = Cache.default()
    repository = Repository(options.out)
    for model in options.models:
        plan = offline.plan(model, cache, options.checkpoint)
        done = repository.fill(plan, cache)
        print(f"export: {plan.model} {'ready' if done else 'was ready already'} ({plan.source.name})")
    print(f"export: {repository.folder} is ready ({time.monotonic() - began:.1f} s)")
    return 0


def _list(options: argparse.Namespace) -> int:
    exported = Repository(options.out).exported()
    for model in offline.MODELS:
        record = exported.get(model)
        state = f"{record['source']['name']} {record['source']['version']}" if record else "not exported"
        print(f"offline  {model:<17} {state}")
    for model, state in command_xtts.states(options.out).items():
        print(f"xtts     {model:<17} {state}")
    for model, state in command_identity.states(options.out).items():
        print(f"identity {model:<17} {state}")
    for model, state in command_mt.states(options.out).items():
        print(f"mt       {model:<17} {state}")
    for model, state in command_gst.states(options.out).items():
        print(f"style    {model:<17} {state}")
    return 0
