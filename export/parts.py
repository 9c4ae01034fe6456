"""What the weights folders of a model consist of, and who writes and checks each file. Knows no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.checking import Check


@dataclass(frozen=True, slots=True)
class Part:
    """One or two files that are written together."""

    files: tuple[str, ...]
    write: Callable[[Path], None]
    """Writes the first of them to that path, and the others beside it."""
    check: Check | None = None
    exact: bool = True
    """Whether rounding in float32 is all that may differ from the checkpoint."""
    instead: str = ""
    """What to use where the weights are too large for this part's numbers, which is then left out; most cannot be."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One export."""

    name: str
    """What is exported, for people."""
    identity: Mapping[str, Any]
    """What is exported by what, for the record: the same identity, the same files."""
    room: Mapping[str, int]
    """Bytes that the files of each model of the repository take, rounded up."""
    parts: Callable[[], Mapping[str, Sequence[Part]]]
    """The parts of each of them."""
