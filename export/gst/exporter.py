"""Plans the export of the style network. Runs where onnx and onnxruntime are; knows no command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from pathlib import Path

import numpy as np

from export import checking
from export.checking import Figures
from export.exporter import written_by
from export.gst import network, plain
from export.gst.shapes import BANDS, shapes
from export.gst.source import Source
from export.parts import Part, Plan
from export.runtime.prosody import model as models
from export.runtime.prosody.model import Model

MODEL = "gst"

LENGTHS = (213, 40, 64)
"""Frames of the rows that a written graph is checked with, all at once."""


def planned(source: Source) -> Plan:
    """The export of `source`."""
    here = Path(__file__).parent
    code = [here / f"{name}.py" for name in ("exporter", "network", "plain", "shapes", "source")]
    return Plan(
        name=source.name,
        identity={
            "source": {**source.described, "weights": source.digest},
            "exporter": written_by(*code, Path(models.__file__)),
        },
        room={MODEL: 5 * sum(map(prod, shapes().values()))},
        parts=partial(_parts, source),
    )


def _parts(source: Source) -> Mapping[str, Sequence[Part]]:
    model = Model(source.digest[:16], source.structural)
    return {
        MODEL: [
            Part((models.FILE,), lambda path: model.save(path.parent)),
            Part((models.GRAPH,), lambda path: network.write(path, source.weights), partial(_checked, source)),
        ]
    }


def _checked(source: Source, path: Path) -> Figures:
    """The graph over rows of several lengths, noise behind each end, against each row alone in plain equations."""
    rows = checking.noise(len(LENGTHS), max(LENGTHS), BANDS)
    (found,) = checking.run(path, features=rows.astype(np.float32), lengths=np.array(LENGTHS, np.int64))
    pairs = zip(rows, LENGTHS, strict=True)
    expected = np.stack([plain.tokens(row[:length], source.weights) for row, length in pairs])
    return checking.difference(found, expected)
