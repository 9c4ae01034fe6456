"""The documentation as a test reads it: blocks of commands, links, headings. Knows Markdown; runs nothing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
_PROMPT = "$ "


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    document: Path
    info: str
    """What stands behind the fence: `sh`, and what it needs that a machine may lack, as `sh needs=gpu`"""
    text: str

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def needs(self) -> str:
        """What a reader must have beyond a Debian machine; empty where nothing."""
        return self.info.partition("needs=")[2]

    @property
    def commands(self) -> list[list[str]]:
        """What is typed, as words: of `sh` everything, elsewhere what stands behind a prompt."""
        if self.language == "sh":
            text = self.text
        else:
            typed = [line for line in self.text.splitlines() if line.startswith(_PROMPT)]
            text = "\n".join(line.removeprefix(_PROMPT) for line in typed)
        return [words for line in _lines(text.replace("\\\n", " ")) for words in _parts(line)]


def blocks(document: Path) -> list[Block]:
    return [Block(document, one["info"].strip(), one["text"]) for one in _BLOCK.finditer(document.read_text())]


def inline(document: Path) -> list[str]:
    """What stands in backticks, outside of blocks."""
    return re.findall(r"`([^`\n]+)`", _prose(document))


def links(document: Path) -> list[str]:
    """Where its links lead, outside of blocks."""
    return [one["target"] for one in _LINK.finditer(_prose(document))]


def anchors(document: Path) -> set[str]:
    """What a link may name behind #, as GitHub makes it of headings."""
    kept = [
        re.sub(r"[^\w\- ]", "", one["text"].lower()).replace(" ", "-") for one in _HEADING.finditer(_prose(document))
    ]
    return set(kept)


def _prose(document: Path) -> str:
    return _BLOCK.sub("", document.read_text())


def _lines(text: str) -> Iterator[list[str]]:
    """The words of each line; a quotation may go over several."""
    begun = ""
    for line in text.splitlines():
        begun += line
        try:
            words = shlex.split(begun, comments=True)
        except ValueError:  # no closing quotation yet
            begun += "\n"
            continue
        begun = ""
        if words:
            yield words
    assert not begun, f"a quotation is never closed: {begun}"


def _parts(words: list[str]) -> Iterator[list[str]]:
    """The commands of one line, without variables, `sudo` and redirections in front or behind."""
    part: list[str] = []
    for word in [*words, "&&"]:
        if word not in ("&&", "|", "||", ";", "&"):
            part.append(word)
            continue
        while part and re.fullmatch(r"\w+=.*", part[0], re.DOTALL):
            del part[0]
        if part[:1] == ["sudo"]:
            del part[0]
            while part and part[0].startswith("-"):
                del part[: 2 if part[0] == "-u" else 1]
        if part:
            yield [one for one in part if not re.match(r"\d?>", one)]
        part = []
