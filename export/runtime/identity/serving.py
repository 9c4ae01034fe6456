"""Triton's side of the encoders of speakers, whichever of them a folder holds. Imported inside Triton's stub only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from export.runtime.clip_serving import ClipModel, on_best
from export.runtime.identity.encoders import Encoder, opened
from export.runtime.identity.model import Precision
from export.runtime.weights import WeightsError


class IdentityModel(ClipModel):
    """`ecapa_tdnn` or `campplus`."""

    output = "IDENTITY"

    def opened(self, weights: Path, told: Mapping[str, str]) -> Encoder:
        precision = told.get("precision", "fp32")
        if precision not in get_args(Precision):
            raise ValueError(f"precision is {precision!r}, not one of {', '.join(get_args(Precision))}")
        threads = int(told["threads"])
        found = on_best(
            lambda provider: opened(weights, threads=threads, provider=provider, precision=precision),  # type: ignore[arg-type]
            told,
        )
        if found.model.network != self.name:
            raise WeightsError(f"{weights} holds those of {found.model.network}: export them again")
        return found
