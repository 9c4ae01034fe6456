"""Triton's side of the style network. Imported inside Triton's stub only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from export.runtime.clip_serving import ClipModel, on_best
from export.runtime.prosody.encoder import Encoder


class StyleModel(ClipModel):
    """`gst`."""

    output = "STYLE"

    def opened(self, weights: Path, told: Mapping[str, str]) -> Encoder:
        threads = int(told["threads"])
        return on_best(lambda provider: Encoder(weights, threads=threads, provider=provider), told)
