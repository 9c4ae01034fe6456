"""Plans the export of an encoder of speakers. Runs where onnx and onnxruntime are; knows no command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from pathlib import Path

import numpy as np

from export.checking import Double, Figures, difference, noise, run
from export.exporter import written_by
from export.identity import campplus, ecapa, manifest, plain
from export.identity.manifest import Ecapa
from export.identity.source import Source
from export.parts import Part, Plan
from export.runtime.identity import model as models
from export.runtime.identity.model import FILES
from export.weights import Weights

FRAMES = (37, 90)
"""Of the clips by which ECAPA is checked, side by side."""
LOUDNESS = 8.0
"""Deviation of what the networks are checked with: decibels of speech have about as much."""

BYTES_EACH = {False: 5, True: 7}
"""That a weight takes in all files, and what graphs take besides; without and with the 8-bit one."""


def planned(source: Source, *, int8: bool) -> Plan:
    """The export of `source`.

    Args:
        int8: write the weights in 8 bits too, for ECAPA.
    """
    here = Path(__file__).parent
    code = [*sorted(here.glob("*.py")), Path(models.__file__)]
    count = sum(prod(shape) for shape in manifest.shapes(source.sizes).values())
    return Plan(
        name=source.name,
        identity={
            "source": dict(source.described),
            "exporter": written_by(*code),
            "native_width": source.model.native_width,
            "structural": source.model.structural,
            "int8": int8,
        },
        room={source.model.network: count * BYTES_EACH[int8] + 2_000_000},
        parts=partial(_parts, source, int8),
    )


def _parts(source: Source, int8: bool) -> Mapping[str, Sequence[Part]]:
    weights, sizes = source.weights, source.sizes
    described = Part((models.FILE,), lambda path: source.model.save(path.parent))
    if not isinstance(sizes, Ecapa):
        encoder = Part(
            (FILES["fp32"],), lambda path: campplus.write(path, weights, sizes), partial(_check_campplus, weights)
        )
        return {source.model.network: [described, encoder]}
    check = partial(_check_ecapa, weights)
    parts = [described, Part((FILES["fp32"],), lambda path: ecapa.write_fp32(path, weights, sizes), check)]
    if int8:
        parts.append(Part((FILES["8bit"],), lambda path: ecapa.write_8bit(path, weights, sizes), check, exact=False))
    return {source.model.network: parts}


def _check_ecapa(weights: Weights, path: Path) -> Figures:
    """Two clips side by side against each alone."""
    features = LOUDNESS * noise(sum(FRAMES), manifest.BANDS)
    lengths = np.array(FRAMES, np.int64)
    (found,) = run(path, features=features.astype(np.float32), lengths=lengths)
    alone = [plain.ecapa(weights, one) for one in np.split(_rounded(features), [FRAMES[0]])]
    return difference(found, np.stack(alone))


def _check_campplus(weights: Weights, path: Path) -> Figures:
    features = noise(campplus.FRAMES, manifest.BANDS)
    (found,) = run(path, features=features[None].astype(np.float32))
    return difference(found[0], plain.campplus(weights, features))


def _rounded(array: Double) -> Double:
    return array.astype(np.float32).astype(np.float64)
