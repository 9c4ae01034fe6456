"""A missed target is counted; a voice that begins late is told at once, and not again with every clause."""

from __future__ import annotations

import pytest

from controller.messages import Clause, Delivery, Outcome, Span
from controller.telemetry.metrics import Registry
from controller.telemetry.targets import QUIET_S, TARGETS_MS, Targets


def delivery(lag_ms: float = 500.0, **stages_ms: float) -> Delivery:
    clause = Clause("a-7", "a", "text", Span(1.0, 2.0), "en")
    return Delivery(clause, "b", "es", Outcome.PLAYED, None, "texto", 2.0 + lag_ms / 1000, 4.0, None, stages_ms)


def missed(registry: Registry) -> dict[str, float]:
    (family,) = registry.snapshot()
    assert family["name"] == "dragoman_target_missed_total"
    return {labels[0]: value for labels, value in family["samples"]}


def test_each_missed_target_is_counted_and_a_met_one_is_not() -> None:
    registry = Registry()
    targets = Targets(registry)
    assert missed(registry) == dict.fromkeys(TARGETS_MS, 0)
    targets.delivered("call", delivery(stt=200, mt=100, tts_first=300, endpoint=360, playback=5000))
    assert missed(registry) == dict.fromkeys(TARGETS_MS, 0)
    targets.delivered("call", delivery(1000, stt=201, mt=101, tts_first=299))
    assert missed(registry) == {"stt": 1, "mt": 1, "tts_first": 0, "lag": 1}


def test_a_late_voice_is_told_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    registry = Registry()
    targets = Targets(registry, lambda: now[0])
    for _ in range(5):
        targets.delivered("call-1", delivery(tts_first=412))
    assert [record.getMessage() for record in caplog.records] == [
        "call call-1: the voice began 412 ms after it was asked for a-7 (target 300 ms)"
    ]
    assert caplog.records[0].clause == "a-7"  # type: ignore[attr-defined]
    now[0] += QUIET_S
    targets.delivered("call-1", delivery(tts_first=301))
    assert caplog.records[-1].getMessage().endswith("(target 300 ms); 4 more since the last warning")
    assert missed(registry)["tts_first"] == 6
