"""The metrics of all calls: frames by what became of them, and labels that stay few whatever comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.errors import ENGINE_ERRORS, EngineError, EngineTimeout
from controller.messages import Clause, Delivery, Fate, Outcome, Reason, Span
from controller.pipeline.conversation import Conversation
from controller.recovery.breaker import State
from controller.telemetry.failover import FailoverFigures
from controller.telemetry.figures import DROPPED, Figures
from controller.telemetry.metrics import MAX_SERIES, Registry
from controller.telemetry.targets import Targets
from tests.fakes.fake_call import bench, virtual
from tests.fakes.fake_phone import tone_frame


def samples(registry: Registry, name: str) -> dict[tuple[str, ...], Any]:
    (family,) = [one for one in registry.snapshot() if one["name"] == name]
    return {tuple(labels): value for labels, value in family["samples"]}


@virtual
async def test_each_dropped_frame_is_counted_once_with_its_reason_also_after_the_call() -> None:
    registry = Registry()
    figures = Figures(registry)
    live: list[Conversation] = []
    async with bench() as b:
        live.append(b.conversation)
        a = b.phone("a", "en")
        b.phone("b", "es")
        await asyncio.sleep(1)
        for _ in range(200):
            a.leg.push(tone_frame())
        await asyncio.sleep(0.1)
        figures.sample(live)
        figures.sample(live)
        first = samples(registry, "dragoman_frames_dropped_total")
        a.leg.held(True)
        await asyncio.sleep(1)
        live.clear()
    figures.sample(live)
    figures.sample(live)
    told = samples(registry, "dragoman_frames_dropped_total")
    truth = a.leg.orchestrator.capture.dropped
    assert told == {(reason,): truth[reason] for reason in DROPPED}
    assert first["overflow",] > 0 and first["hold",] == 0
    assert told["hold",] == pytest.approx(50, abs=3)


@virtual
async def test_what_a_channel_refuses_and_ticks_that_are_skipped_are_counted() -> None:
    registry = Registry()
    figures = Figures(registry)
    async with bench() as b:
        a = b.phone("a", "en")
        b.phone("b", "es")
        a.send = lambda pcm: False  # type: ignore[method-assign]
        await asyncio.sleep(1)
        b.conversation.ticks_skipped += 7
        figures.sample([b.conversation])
        assert samples(registry, "dragoman_frames_refused_total")[()] == a.leg.frames_out_dropped > 40
        assert samples(registry, "dragoman_ticks_skipped_total")[()] == 7


def test_what_is_known_to_come_is_told_as_zero_before_it_comes() -> None:
    registry = Registry()
    figures, failover = Figures(registry), FailoverFigures(registry)
    for kind, engine in (("stt", "whisper"), ("mt", "deepl"), ("mt", "apertium"), ("tts", "pico")):
        figures.expect(kind, engine)
        failover.changed(engine, kind, State.CLOSED, "")
    figures.ready({"asterisk": True, "stt": False})
    assert samples(registry, "dragoman_ready") == {("asterisk",): 1, ("stt",): 0}
    told = {
        name: samples(registry, f"dragoman_{name}_total")
        for name in (
            *("calls", "deliveries", "frames_dropped", "transcripts", "speculations"),
            *("engine_errors", "translations", "meaning_lost", "engine_answers", "failovers", "breaker_changes"),
        )
    }
    assert all(found and not any(found.values()) for found in told.values())
    assert {engine for engine, _ in told["translations"]} == {"deepl", "apertium"}
    assert {labels[:3] for labels in told["failovers"]} == {("mt", "deepl", "apertium")}
    figures.engine_failed("call", "stt", error("whisper"))
    assert len(samples(registry, "dragoman_engine_errors_total")) == len(told["engine_errors"]), "it was expected"


def test_all_errors_of_engines_are_known() -> None:
    def below(one: type[EngineError]) -> set[type[EngineError]]:
        return {one}.union(*(below(other) for other in one.__subclasses__() if other.__module__ == one.__module__))

    assert set(ENGINE_ERRORS) == below(EngineError)


WORDS = st.lists(st.text(max_size=8), min_size=300, max_size=300, unique=True)


@settings(max_examples=5)
@given(words=WORDS, languages=WORDS)
def test_labels_stay_few_whatever_comes_and_nothing_is_lost(words: Sequence[str], languages: Sequence[str]) -> None:
    registry = Registry()
    figures, targets = Figures(registry), Targets(registry)
    for word, language in zip(words, languages, strict=True):
        clause = Clause(word, word, word, Span(0, 1), language)
        figures.clause(word, clause)
        figures.calls_total.add(word)
        figures.speculated(word, word, Fate.USED)
        figures.engine_failed(word, word, error(word))
        for outcome, reason in ((Outcome.PLAYED, None), (Outcome.DROPPED, Reason.BACKLOG)):
            delivery = Delivery(clause, word, language, outcome, reason, word, 2.0, 3.0, None, {word: 1.0, "stt": 250})
            figures.delivered(word, delivery)
            targets.delivered(word, delivery)
    for family in registry.snapshot():
        assert len(family["samples"]) <= MAX_SERIES + 1, family["name"]
    assert sum(samples(registry, "dragoman_clauses_total").values()) == 300
    assert sum(samples(registry, "dragoman_engine_errors_total").values()) == 300
    assert sum(sum(counts) for counts, _ in samples(registry, "dragoman_lag_ms").values()) == 300


def error(engine: str) -> EngineError:
    return EngineTimeout("no answer", engine=engine)
