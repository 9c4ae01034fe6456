"""What Locust is told of a run: a JSON file whose path stands in a variable, since Locust's own words are few."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from loadtest.capacity import stepping
from loadtest.capacity.limits import Limits

VARIABLE: Final = "DRAGOMAN_LOADTEST_PLAN"


@dataclass(frozen=True, slots=True)
class Run:
    """One target, and how it is to be loaded."""

    target: str
    steps: stepping.Plan
    limits: Limits
    out: str
    """Where the JSON of the steps goes."""
    processes: Mapping[str, int] = field(default_factory=dict)
    """Those that are watched, by pid; Locust itself is not among them and is watched too."""
    told: str = ""
    """The file in which the measured process says every second how calls fare; empty where there is none."""
    control: int = 0
    """UDP port at which calls are asked for, in SIPp's words."""
    triton: str = ""
    """host:port of gRPC."""
    metrics: str = ""
    """URL of Triton's metrics; empty where they are not to be had."""
    model: str = ""
    """Of Triton, that is asked."""
    sounds: str = ""
    """A folder of raw int16 at 16 kHz, to be recognised and told apart."""

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Run:
        words = json.loads(path.read_text(encoding="utf-8"))
        steps, limits = stepping.Plan(**words.pop("steps")), Limits(**words.pop("limits"))
        return cls(steps=steps, limits=limits, **words)

    @classmethod
    def given(cls) -> Run:
        """The one of this process.

        Raises:
            KeyError: there is none: Locust was started by hand.
        """
        return cls.read(Path(os.environ[VARIABLE]))
