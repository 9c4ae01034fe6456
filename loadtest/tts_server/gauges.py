"""What the model's metrics and its process tell: seconds of its parts, and memory."""

from __future__ import annotations

import urllib.request
from dataclasses import astuple, dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from export.runtime.xtts.config import ModelConfig

PREFIX: Final = "dragoman_xtts_"
PAGE_POSITIONS: Final = 16
"""Of a head's keys or values of one position in float32, 256 bytes, so many share a page of memory."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the model's parts have done since it was started."""

    prompts_s: float
    steps_s: float
    vocoder_s: float
    """Seconds."""
    positions: float
    """Of prompts, those of known voices left out."""

    def since(self, before: Work) -> Work:
        return Work(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))


def work(url: str) -> Work:
    """By the metrics at `url`.

    Raises:
        OSError: they cannot be read.
    """
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    counted = {one.name: one.value for family in text_string_to_metric_families(text) for one in family.samples}
    parts = ("prompt_seconds", "step_seconds", "vocoder_seconds", "prompt_positions")
    return Work(*(counted.get(f"{PREFIX}{part}_total", 0.0) for part in parts))


def kv_mb(config: ModelConfig, positions: int, slots: int) -> float:
    """Megabytes of keys and values in float32 that so many slots hold where each has had so many positions at most.

    What no utterance has reached yet takes no memory (`export.runtime.xtts.cache`); what has, takes whole pages.
    """
    touched = -(-positions // PAGE_POSITIONS) * PAGE_POSITIONS
    return slots * touched * 2 * config.layers * config.width * 4 / 1e6
