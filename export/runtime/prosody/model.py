"""What one style network is: whose weights. Written by `dragoman export gst` as `model.json` beside them."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from export.runtime.weights import WeightsError

FILE, GRAPH = "model.json", "gst.onnx"


@dataclass(frozen=True, slots=True)
class Model:
    """One network's weights.

    Raises:
        ValueError: what it is told is none.
    """

    digest: str
    """The first 16 hexadecimal digits of the SHA-256 of the weights."""
    structural: bool
    """Whether they are random: such styles tell little."""

    def __post_init__(self) -> None:
        if not isinstance(self.digest, str) or not re.fullmatch("[0-9a-f]{16}", self.digest):
            raise ValueError(f"digest is {self.digest!r}, not 16 hexadecimal digits")
        if not isinstance(self.structural, bool):
            raise ValueError(f"structural is {self.structural!r}, not true or false")

    @property
    def id(self) -> str:
        """Only styles of one id may be compared: gst:DIGEST, then `:structural` where weights are random."""
        return f"gst:{self.digest}" + ":structural" * self.structural

    def save(self, folder: Path) -> None:
        """Write `model.json` into `folder`."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> Model:
    """The model whose weights are in `folder`.

    Raises:
        WeightsError: there is no `model.json`, or it describes no style network.
    """
    path = folder / FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        known = {one.name for one in fields(Model)}
        if not isinstance(stored, dict) or stored.keys() != known:
            raise ValueError(f"it must say {', '.join(sorted(known))} and nothing else")
        return Model(**stored)
    except FileNotFoundError as error:
        raise WeightsError(f"{folder} has no {FILE}: run `dragoman export gst --train`") from error
    except ValueError as error:
        raise WeightsError(f"{path} describes no style network: {error}. Export it again") from error
