"""Dockerfiles and .dockerignore, read as far as ours need: stages, instructions, what a build may see.

Knows the syntax; runs nothing.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docker"
FILES = sorted(FOLDER.glob("*.Dockerfile"))


@dataclass(frozen=True)
class Instruction:
    """One line, continued lines joined."""

    name: str
    """Such as RUN."""

    text: str
    """All that follows."""

    @property
    def words(self) -> list[str]:
        """Of the JSON form, or as a shell would part them."""
        return list(json.loads(self.text)) if self.text.startswith("[") else shlex.split(self.text)


@dataclass
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def every(self, name: str) -> list[Instruction]:
        return [one for one in self.instructions if one.name == name]


def stages(file: Path) -> list[Stage]:
    """The stages of a Dockerfile, in order; a nameless one is called by its number."""
    found: list[Stage] = []
    for one in instructions(file.read_text()):
        if one.name == "FROM":
            base, _, name = one.text.partition(" AS ")
            found.append(Stage(base.strip(), name.strip() or str(len(found))))
        else:
            found[-1].instructions.append(one)
    return found


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions of a Dockerfile, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield Instruction(name.upper(), rest.strip())


def whole(file: Path, target: str = "") -> list[Instruction]:
    """All instructions that make the image of `target`, the last stage by default: its own base's before its own."""
    by_name = {stage.name: stage for stage in stages(file)}
    stage = by_name[target] if target else list(by_name.values())[-1]
    before = whole(file, stage.base) if stage.base in by_name else []
    return [*before, *stage.instructions]


def last(found: list[Instruction], name: str) -> Instruction | None:
    """The one that counts, of those that replace each other."""
    return next((one for one in reversed(found) if one.name == name), None)


def environment(found: list[Instruction]) -> dict[str, str]:
    """What ENV sets, `$PATH` standing for what it was before."""
    values = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    for one in found:
        if one.name == "ENV":
            for word in one.words:
                name, _, value = word.partition("=")
                values[name] = re.sub(r"\$(\w+)", lambda match: values.get(match[1], ""), value)
    return values


class Ignore:
    """A .dockerignore: later lines win, and what is said of a folder is said of all in it."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        self._rules = [
            (line.startswith("!"), _pattern(line.removeprefix("!")))
            for line in lines
            if line and not line.startswith("#")
        ]

    def ignores(self, path: str) -> bool:
        """Whether a build cannot see `path`, relative to the checkout."""
        parts = path.split("/")
        names = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        ignored = False
        for back, pattern in self._rules:
            if any(pattern.fullmatch(name) for name in names):
                ignored = not back
        return ignored


def _pattern(glob: str) -> re.Pattern[str]:
    made = ""
    for piece in re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", glob.strip("/")):
        made += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(piece, re.escape(piece))
    return re.compile(made)


def ignore() -> Ignore:
    """The checkout's."""
    return Ignore((ROOT / ".dockerignore").read_text())
