"""What one encoder is: which network, whose weights, how wide its vectors are by themselves.

Written by `dragoman export ecapa` and `campplus` as `model.json` beside the weights, read by whatever runs them.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from export.runtime.weights import WeightsError

FILE = "model.json"

WIDTH = 256
"""Numbers of every vector that leaves here; a narrower network's are filled up with zeros."""

Network = Literal["ecapa_tdnn", "campplus"]
Precision = Literal["fp32", "8bit"]

FILES: dict[Precision, str] = {"fp32": "encoder.onnx", "8bit": "encoder-8bit.onnx"}

COMMANDS: dict[Network, str] = {"ecapa_tdnn": "ecapa --checkpoint FILE", "campplus": "campplus"}
"""What `dragoman export` is given for each."""


@dataclass(frozen=True, slots=True)
class Model:
    """One encoder's weights.

    Raises:
        ValueError: what it is told is none.
    """

    network: Network
    native_width: int
    """Numbers of a vector before it is filled up."""
    digest: str
    """The first 16 hexadecimal digits of the SHA-256 of the checkpoint, or of what random weights are made from."""
    structural: bool
    """Whether the weights are random: such vectors tell nobody from anybody."""

    def __post_init__(self) -> None:
        if self.network not in get_args(Network):
            raise ValueError(f"network is {self.network!r}, not one of {', '.join(get_args(Network))}")
        if type(self.native_width) is not int or not 1 <= self.native_width <= WIDTH:
            raise ValueError(f"native_width is {self.native_width!r}, not 1 to {WIDTH}")
        if not isinstance(self.digest, str) or not re.fullmatch("[0-9a-f]{16}", self.digest):
            raise ValueError(f"digest is {self.digest!r}, not 16 hexadecimal digits")
        if not isinstance(self.structural, bool):
            raise ValueError(f"structural is {self.structural!r}, not true or false")

    def id(self, precision: Precision) -> str:
        """Names whose vectors may be compared: only those of one id.

        NETWORK:WIDTH:DIGEST, then `:8bit` where weights are rounded, then `:structural` where they are random.
        """
        marks = [precision] * (precision != "fp32") + ["structural"] * self.structural
        return ":".join([self.network, str(self.native_width), self.digest, *marks])

    def save(self, folder: Path) -> None:
        """Write `model.json` into `folder`."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> Model:
    """The model whose weights are in `folder`.

    Raises:
        WeightsError: there is no `model.json`, or it describes no encoder.
    """
    path = folder / FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        known = {one.name for one in fields(Model)}
        if not isinstance(stored, dict) or stored.keys() != known:
            raise ValueError(f"it must say {', '.join(sorted(known))} and nothing else")
        return Model(**stored)
    except FileNotFoundError as error:
        raise WeightsError(f"{folder} has no {FILE}: run `dragoman export ecapa` or `campplus`") from error
    except ValueError as error:
        raise WeightsError(f"{path} describes no encoder of speakers: {error}. Export it again") from error
