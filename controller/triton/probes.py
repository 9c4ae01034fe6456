"""The smallest real request of each model: with explicit model control a server's `/ready` proves nothing.

Plain data, so that a watchdog may send it by HTTP and the client by gRPC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Input:
    """One input tensor."""

    name: str
    datatype: str
    """As in Triton's protocol: BYTES, INT16, ..."""
    shape: tuple[int, ...]
    data: tuple[Any, ...]
    """Flat."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A request that any healthy instance answers in a few milliseconds."""

    inputs: tuple[Input, ...]
    streams: bool = False
    """Whether the model is decoupled."""
    refused: str = ""
    """What the model says to it, where the smallest real request would cost too much: a refusal proves life too."""

    def expects(self, refusal: str) -> bool:
        """Whether `refusal` is the answer that a healthy instance gives."""
        return bool(self.refused) and self.refused in refusal


def text(name: str, value: str, *, batched: bool = False) -> Input:
    """A BYTES[1] input, [1, 1] for a model with a batch dimension."""
    return Input(name, "BYTES", (1, 1) if batched else (1,), (value,))


SILENCE = 1_600

PROBES = {
    "whisper": Probe(
        (
            Input("PCM", "INT16", (1, SILENCE), (0,) * SILENCE),
            text("LANGUAGE", "en", batched=True),
            Input("URGENT", "BOOL", (1, 1), (True,)),
        )
    ),
    "apertium": Probe((text("TEXT", "1."), text("SOURCE", "en"), text("TARGET", "es"))),
    "pico": Probe(
        (text("TEXT", "A."), text("LANGUAGE", "en"), Input("SAMPLE_RATE", "INT32", (1,), (16_000,))),
        streams=True,
    ),
    # Nothing to say is answered by the engine's own threads, without a step and without a voice.
    "xtts_v2": Probe(
        (text("TEXT", ""), text("LANGUAGE", "en"), Input("SAMPLE_RATE", "INT32", (1,), (16_000,))),
        streams=True,
    ),
    "xtts_conditioning": Probe(
        (Input("PCM", "INT16", (1,), (0,)), Input("SAMPLE_RATE", "INT32", (1,), (16_000,))),
        refused="the recording lasts 0.00 s",
    ),
    "ecapa_tdnn": Probe((Input("PCM", "INT16", (1, 1), (0,)),), refused="the recording lasts 0.00 s"),
    "campplus": Probe((Input("PCM", "INT16", (1, 1), (0,)),), refused="the recording lasts 0.00 s"),
    "gst": Probe((Input("PCM", "INT16", (1, 1), (0,)),), refused="the recording lasts 0.00 s"),
}
"""A model without an entry is taken to answer when Triton calls it ready."""
