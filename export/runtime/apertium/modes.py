"""Which translation directions an Apertium folder has, and the command line of each.

Knows files; starts nothing.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

CODES = {
    "en": "eng",
    "es": "spa",
    "ca": "cat",
    "pt": "por",
    "it": "ita",
    "fr": "fra",
    "gl": "glg",
    "ro": "ron",
}
"""The two-letter codes of callers, and the three-letter ones of Apertium's modes; the latter may be two-letter too."""

_SHARE = "/usr/share/apertium/"


def directions(root: Path) -> dict[tuple[str, str], Path]:
    """The mode file of each (source, target) whose languages are known here."""
    names = {code: short for short, long in CODES.items() for code in (short, long)}
    found = {}
    for path in sorted((root / "usr" / "share" / "apertium" / "modes").glob("*.mode")):
        source, _, target = path.stem.partition("-")
        if source in names and target in names:
            found[names[source], names[target]] = path
    return found


def command(root: Path, mode: Path) -> str:
    """A shell pipeline that reads requests ended by NUL and flushes each answer with NUL.

    Mode files name data by its installed place: here that is below `root`, wherever that lies today. `$1` stands for
    the generator's flags (-n: no marks on unknown words), `$2` for the tagger's.
    """
    text = mode.read_text(encoding="utf-8").strip().replace("$1", "-n").replace("$2", "")
    programs = [re.sub(r"^\s*(\S+)", r"\1 -z", program, count=1).strip() for program in text.split("|")]
    return " | ".join(_moved(program, root) for program in programs)


def _moved(program: str, root: Path) -> str:
    return re.sub(rf"'{re.escape(_SHARE)}([^']*)'", lambda path: shlex.quote(f"{root}{_SHARE}{path.group(1)}"), program)
