"""The targets of a delivery: a counter for each that is missed, and a warning where a voice begins late."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from controller.messages import Delivery
from controller.observer import Observer
from controller.telemetry.metrics import Registry

log = logging.getLogger(__name__)

TARGETS_MS: Final = MappingProxyType({"stt": 200.0, "mt": 100.0, "tts_first": 300.0, "lag": 900.0})
"""Of a delivery, from the design's budget: recognised after the end of speech was decided, translated, the first sound
of the voice, and all of it from the end of the clause. The stages are those of `waterfall`."""

ALARM: Final = "tts_first"
"""The one that a person is told of at once: no queue hides a voice that begins late."""

QUIET_S: Final = 30.0
"""Seconds between two warnings; those that would have come between are counted in the next."""


class Targets(Observer):
    """Counts deliveries that miss a target; labels come from TARGETS_MS only."""

    def __init__(self, registry: Registry, now: Callable[[], float] = time.monotonic) -> None:
        self._missed = registry.counter("dragoman_target_missed_total", "Deliveries that missed a target", "stage")
        for stage in TARGETS_MS:
            self._missed.add(stage, amount=0)
        self._now = now
        self._warned: float | None = None
        self._unsaid = 0

    def delivered(self, call: str, delivery: Delivery) -> None:
        times = dict(delivery.stages_ms)
        if delivery.lag_ms is not None:
            times["lag"] = delivery.lag_ms
        for stage, target in TARGETS_MS.items():
            if times.get(stage, 0.0) > target:
                self._missed.add(stage)
                if stage == ALARM:
                    self._alarm(call, delivery, times[stage], target)

    def _alarm(self, call: str, delivery: Delivery, took: float, target: float) -> None:
        now = self._now()
        if self._warned is not None and now - self._warned < QUIET_S:
            self._unsaid += 1
            return
        more = f"; {self._unsaid} more since the last warning" if self._unsaid else ""
        self._warned, self._unsaid = now, 0
        log.warning(
            "call %s: the voice began %.0f ms after it was asked for %s (target %.0f ms)%s",
            call,
            took,
            delivery.clause.id,
            target,
            more,
            extra={"call": call, "clause": delivery.clause.id, "listener": delivery.listener, "stage": ALARM},
        )
