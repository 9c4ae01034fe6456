"""What is installed on this machine, what is missing, and what to do about it."""

from __future__ import annotations

import asyncio
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from controller.engines.registry import names
from export.gst import command as style
from export.identity import command as identity
from export.repository import Repository
from export.setup.cache import REPOSITORY, Cache
from export.setup.components import missing
from export.xtts import command as xtts

_PACKAGES = (
    "numpy",
    "aioari",
    "aiohttp",
    "tritonclient",
    "uvloop",
    "webrtcvad-wheels",
    "starlette",
    "pydantic-settings",
)


def asterisk_report(config: Path | None) -> int:
    """Print what a running Asterisk has and lacks for calls; 0 where it lacks nothing, 1 otherwise."""
    from controller.pbx.examination import examine  # `report` must run where not all is installed
    from controller.settings import load

    asterisk = load(config).asterisk
    findings = asyncio.run(examine(asterisk))
    print(f"Asterisk      {asterisk.url}, as {asterisk.user}")
    for one in findings:
        print(f"  {'ok   ' if one.good else 'WRONG'} {one.what}{f': {one.advice}' if one.advice else ''}")
    wrong = sum(not one.good for one in findings)
    print(f"{wrong} things are to be changed" if wrong else "it can take calls")
    return 1 if wrong else 0


def report() -> int:
    """Print it; 0 where everything that a demo needs is there, 1 otherwise."""
    cache = Cache.default()
    print(f"cache folder  {cache.root}")
    print(f"Python        {sys.version.split()[0]}")
    for package in _PACKAGES:
        try:
            print(f"  {package:18} {version(package)}")
        except PackageNotFoundError:
            print(f"  {package:18} MISSING: run `make setup`")
    for kind in ("stt", "mt", "tts"):
        print(f"{kind:4} engines  {', '.join(names(kind)) or 'none: run `make setup`'}")
    lacking = missing(cache)
    for one in lacking:
        print(f"MISSING       {one.name}: {one.sentence}")
    models = sorted(Repository(REPOSITORY / "model_repository").exported())
    if models:
        print(f"models        {', '.join(models)}")
    else:
        print("MISSING       models: run `dragoman export offline --out model_repository`")
    repository = REPOSITORY / "model_repository"
    for model, state in {**xtts.states(repository), **identity.states(repository), **style.states(repository)}.items():
        print(f"  {model:18} {state}")
    if shutil.disk_usage(REPOSITORY).free < 2_000_000_000:
        print("WARNING       less than 2 GB of disk are free")
    complete = not lacking and bool(models)
    print("everything is there" if complete else "not everything is there")
    return 0 if complete else 1
