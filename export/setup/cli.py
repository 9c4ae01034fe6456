"""The command `python3 -m export.setup`: gets what a command needs, or says what is in the way."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

from export.setup.cache import Cache
from export.setup.components import COMPONENTS, GROUPS, get_named
from export.setup.errors import SetupError


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0 all there (--keep-going: what can be had), 1 something missing, 130 stopped."""
    options = _parser().parse_args(argv)
    names = list(dict.fromkeys(name for what in options.what for name in GROUPS.get(what, (what,))))
    cache = Cache.default()
    began = time.monotonic()
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        failures = get_named(cache, names, offline=options.offline)
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("set-up: stopped; what is complete is kept, the same command goes on from here.", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, previous)
    for failure in failures:
        print(f"set-up: {failure.sentence}", file=sys.stderr)
    if not failures:
        print(f"set-up: all there in {cache.root} ({time.monotonic() - began:.1f} s)", file=sys.stderr)
        return 0
    return 0 if options.keep_going and not any(one.refused for one in failures) else 1


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m export.setup",
        description="Get what Dragoman needs into $DRAGOMAN_CACHE, else .cache; no root needed.",
    )
    parser.add_argument(
        "what",
        nargs="+",
        choices=[*GROUPS, *COMPONENTS],
        metavar="WHAT",
        help=f"{', '.join(GROUPS)}, or components by name: {', '.join(COMPONENTS)}",
    )
    parser.add_argument("--keep-going", action="store_true", help="exit 0 even when something cannot be had")
    parser.add_argument("--offline", action="store_true", help="fetch nothing; say what is missing")
    return parser
