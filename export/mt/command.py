"""`dragoman export mt --checkpoint FOLDER`: its command line, and what is put into the model repository.

One folder a model, named after its checkpoint; which languages it serves stands in its config.pbtxt.
"""

from __future__ import annotations

import argparse
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from controller.errors import UsageError
from export.repository import Plan, Repository, Source
from export.runtime.mt.folder import Checkpoint, Kind, check
from export.runtime.mt.languages import NLLB, nllb_languages, opus_target
from export.runtime.weights import WeightsError
from export.setup.cache import REPOSITORY, Cache

TEMPLATE: Final = Path(__file__).with_name("template")
MARK: Final = "made by `dragoman export mt`"
"""In the config.pbtxt of every model that is ours to write."""


def add(models: Any) -> None:
    """Add the command to the subparsers of `dragoman export`."""
    what = "a translator of your own: OPUS-MT or NLLB, converted to CTranslate2"
    command = models.add_parser("mt", help=what, description=f"Export {what}.")
    command.add_argument("--checkpoint", type=Path, metavar="FOLDER", required=True, help="holds model.bin")
    command.add_argument("--name", help="of the model on Triton; the folder's own by default")
    command.add_argument("--pairs", help="what it translates, as en-es,es-en; by default by the folder's name, or all")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check the folder, then put it in place."""
    checkpoint = _checked(options.checkpoint)
    name = _name(options.name or checkpoint.path.name, options.out)
    pairs = _pairs(checkpoint, options.pairs)
    _write_glue(options.out / name, pairs)
    parts = {file: checkpoint.path / file for file in checkpoint.files}
    done = Repository(options.out).fill(Plan(name, Source(checkpoint.path.name, "local"), parts), Cache.default())
    served = ", ".join(pairs) or f"every pair of {len(nllb_languages(checkpoint.vocabulary))} languages"
    print(f"export: {name} {'ready' if done else 'was ready already'} ({checkpoint.kind.value}: {served})")
    told = pairs or ["en", "es"]
    print(
        "export: to translate with it, say in the settings:\n"
        f'[engines]\nmt = "neural"\n[engines.options.neural.models]\n"{name}" = {_toml(told)}'
    )
    return 0


def states(repository: Path) -> dict[str, str]:
    """What has been exported, by model, for `dragoman export list`."""
    exported = Repository(repository).exported()
    return {
        name: f"{record['source']['name']} {record['source']['version']}"
        for name, record in sorted(exported.items())
        if _is_ours(repository / name)
    }


def _checked(path: Path) -> Checkpoint:
    try:
        return check(path.resolve())
    except WeightsError as error:
        raise UsageError(str(error)) from error


def _name(wanted: str, repository: Path) -> str:
    """The model's name.

    Raises:
        UsageError: another model has it.
    """
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", wanted).strip("-")
    theirs = (repository / name, REPOSITORY / "model_repository" / name)
    if not name or any((one / "config.pbtxt").is_file() and not _is_ours(one) for one in theirs):
        raise UsageError(f"{wanted!r} cannot be the name of this model: give another with --name")
    return name


def _is_ours(model: Path) -> bool:
    try:
        return MARK in (model / "config.pbtxt").read_text(encoding="utf-8")
    except OSError:
        return False


def _pairs(checkpoint: Checkpoint, said: str | None) -> list[str]:
    """What the model translates; none for every pair of an NLLB model's languages.

    Raises:
        UsageError: that is not known, or it cannot.
    """
    if said is None and checkpoint.kind is Kind.NLLB:
        return []
    pairs = [one.strip() for one in said.split(",")] if said is not None else _named(checkpoint.path.name)
    if not pairs:
        raise UsageError(
            f"which languages {checkpoint.path.name} translates cannot be told from its name: say it with --pairs en-es"
        )
    for pair in pairs:
        source, _, target = pair.partition("-")
        if source not in NLLB or target not in NLLB or source == target:
            raise UsageError(f"{pair!r} is no pair of languages: write it as en-es")
        known = nllb_languages(checkpoint.vocabulary)
        if checkpoint.kind is Kind.NLLB and not {source, target} <= set(known):
            raise UsageError(f"{checkpoint.path.name} does not know {pair}: its languages are {', '.join(known)}")
        if checkpoint.targets and opus_target(target, checkpoint.targets) is None:
            raise UsageError(f"{checkpoint.path.name} has no token for the target language {target}")
    return pairs


def _named(folder: str) -> list[str]:
    """`opus-mt-en-es` translates en-es: the last two languages that stand side by side (mt is Maltese)."""
    parts = re.split(r"[^a-z0-9]+", folder.lower())
    found = [f"{one}-{other}" for one, other in pairwise(parts) if one in NLLB and other in NLLB and one != other]
    return found[-1:]


def _write_glue(model: Path, pairs: list[str]) -> None:
    (model / "1").mkdir(parents=True, exist_ok=True)
    config = (TEMPLATE / "config.pbtxt").read_text(encoding="utf-8")
    (model / "config.pbtxt").write_text(config.replace("{pairs}", " ".join(pairs) or "all"), encoding="utf-8")
    shutil.copyfile(TEMPLATE / "model.py", model / "1" / "model.py")
    (model / ".gitignore").write_text("*\n", encoding="utf-8")


def _toml(values: list[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"
