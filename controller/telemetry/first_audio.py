"""How soon voices begin, of late: in live calls, and for whoever asks the API. As small after hours as at first."""

from __future__ import annotations

from collections import deque
from typing import Final

from controller.messages import Delivery
from controller.observer import Observer
from controller.telemetry.quantiles import Quantiles, quantiles
from controller.telemetry.targets import TARGETS_MS

KEPT: Final = 256
"""Values that count, the latest."""

TARGET_MS: Final = TARGETS_MS["tts_first"]


class FirstAudio(Observer):
    """Milliseconds from asking a voice to its first sound; as an observer, those of deliveries."""

    def __init__(self) -> None:
        self._values: deque[float] = deque(maxlen=KEPT)

    def add(self, milliseconds: float) -> None:
        self._values.append(milliseconds)

    def delivered(self, call: str, delivery: Delivery) -> None:
        if "tts_first" in delivery.stages_ms:
            self.add(delivery.stages_ms["tts_first"])

    def told(self) -> Quantiles:
        """p50, p95, p99, max and n as every report gives them, and `over_target`, the share beyond TARGET_MS."""
        values = list(self._values)
        late = sum(value > TARGET_MS for value in values)
        return {**quantiles(values), "over_target": round(late / len(values), 4) if values else None}
