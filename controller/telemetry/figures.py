"""Turns what the pipeline tells into metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final, Protocol

from controller.errors import ENGINE_ERRORS, EngineError
from controller.meaning import Kind
from controller.messages import Clause, Delivery, Fate, Outcome, Reason, Transcript, Translation
from controller.observer import FrameCounts, Observer
from controller.telemetry.metrics import Registry

OUTCOMES: Final = ("a", "b", "room", "operator", "media", "pbx", "service", "refused", "failed")
"""How calls end, as far as is known beforehand: what ends one (`pbx.call.Ended.by`), or why it never was one."""

DROPPED: Final = ("overflow", "late", "asr", "hold", "switched_off")
"""Why frames are not consumed: see `pipeline.capture`."""


class Sampled(Protocol):
    """What is looked at once a second: a conversation."""

    def backlogs_s(self) -> Mapping[str, float]: ...

    def queue_depths(self) -> dict[str, int]: ...

    def frame_counts(self) -> FrameCounts: ...

    @property
    def bypassed(self) -> Collection[str]: ...


class Figures(Observer):
    """Metrics of all calls of a process; labels come from fixed sets only."""

    def __init__(self, registry: Registry) -> None:
        self._counted: dict[Sampled, FrameCounts] = {}
        """What has been added of each call already; of one that has ended, until it is looked at once more."""
        self.calls = registry.gauge("dragoman_calls", "Calls that are up")
        self.calls_limit = registry.gauge("dragoman_calls_limit", "Calls that may be up at once")
        self.calls_total = registry.counter("dragoman_calls_total", "Calls by how they ended", "outcome")
        self.calls_total.expect(OUTCOMES)
        self._ready = registry.gauge("dragoman_ready", "1: it works; 0: it does not", "part")
        self._lateness = registry.histogram("dragoman_tick_late_ms", "How late a call's tick was")
        self._work = registry.histogram("dragoman_tick_work_ms", "What one tick of a call took")
        self._frames = registry.counter("dragoman_frames_total", "Frames that arrived")
        self._echo = registry.counter("dragoman_echo_frames_total", "Voiced frames that were a phone's own echo")
        self._frames_dropped = registry.counter(
            "dragoman_frames_dropped_total", "Frames that arrived and were not consumed", "reason"
        )
        self._frames_dropped.expect(DROPPED)
        self._refused = registry.counter(
            "dragoman_frames_refused_total", "Frames that a listener's channel did not take"
        )
        self._skipped = registry.counter("dragoman_ticks_skipped_total", "Ticks skipped: more than two frames late")
        self._transcripts = registry.counter("dragoman_transcripts_total", "Transcripts", "kind")
        self._transcripts.expect(("partial", "draft", "final"))
        self._clauses = registry.counter("dragoman_clauses_total", "Clauses committed", "language")
        self._translations = registry.counter(
            "dragoman_translations_total",
            "Clauses translated; lost: some of what they say is not in them",
            "engine",
            "meaning",
        )
        self._lost = registry.counter(
            "dragoman_meaning_lost_total", "What translations seem to have lost", "engine", "kind"
        )
        self._deliveries = registry.counter(
            "dragoman_deliveries_total", "Deliveries ended; reason is empty where played", "outcome", "reason"
        )
        self._deliveries.expect([Outcome.PLAYED], [""])
        self._deliveries.expect([Outcome.DROPPED], Reason)
        self._lag = registry.histogram("dragoman_lag_ms", "Clause end to first translated sample", "language")
        self._stages = registry.histogram("dragoman_stage_ms", "Where a delivery's lag went", "stage")
        self._backlog = registry.gauge(
            "dragoman_backlog_seconds", "Translation still to be heard, for whoever is furthest behind"
        )
        self._backlogs = registry.histogram(
            "dragoman_listener_backlog_ms", "Translation still to be heard, a value a listener and second"
        )
        self._bypassed = registry.gauge(
            "dragoman_bypassed_listeners",
            "Those who hear the original only, since no engine is left",
        )
        self._bypasses = registry.counter("dragoman_bypassed_seconds_total", "The time that they did")
        self._depths = registry.gauge("dragoman_queue_depth", "Items waiting in queues of a kind, all calls", "queue")
        self._speculations = registry.counter(
            "dragoman_speculations_total", "Work begun before its clause was committed, and its end", "kind", "fate"
        )
        self._speculations.expect(("mt", "tts"), Fate)
        self._errors = registry.counter("dragoman_engine_errors_total", "Engine failures", "engine", "kind", "error")

    def expect(self, kind: str, engine: str) -> None:
        """An engine that may be asked: what is counted of it begins at 0."""
        self._errors.expect([engine], [kind], (one.__name__ for one in ENGINE_ERRORS))
        if kind == "mt":
            self._translations.expect([engine], ("kept", "lost"))
            self._lost.expect([engine], Kind)

    def ready(self, parts: Mapping[str, bool]) -> None:
        """What works at this moment."""
        for part, works in parts.items():
            self._ready.set(works, part)

    def sample(self, conversations: Collection[Sampled]) -> None:
        """Look at the calls that are up; called once a second, not in a tick."""
        for one in {*conversations, *self._counted}:
            self._count(one)
        self._counted = {one: counts for one, counts in self._counted.items() if one in conversations}
        backlogs = [seconds for one in conversations for seconds in one.backlogs_s().values()]
        self._backlog.set(max(backlogs, default=0.0))
        for seconds in backlogs:
            self._backlogs.observe(seconds * 1000)
        bypassed = sum(len(one.bypassed) for one in conversations)
        self._bypassed.set(bypassed)
        self._bypasses.add(amount=bypassed)
        depths: Counter[str] = Counter(dict.fromkeys(("input", "asr", "mt", "tts"), 0))
        for one in conversations:
            depths.update(one.queue_depths())
        for kind, depth in depths.items():
            self._depths.set(depth, kind)

    def _count(self, one: Sampled) -> None:
        before, now = self._counted.get(one, FrameCounts()), one.frame_counts()
        for reason, count in now.dropped.items():
            self._frames_dropped.add(reason, amount=count - before.dropped[reason])
        self._refused.add(amount=now.refused - before.refused)
        self._skipped.add(amount=now.ticks_skipped - before.ticks_skipped)
        self._counted[one] = now

    def ticked(self, call: str, late_s: float, work_s: float, frames_in: int, frames_dropped: int) -> None:
        self._lateness.observe(late_s * 1000)
        self._work.observe(work_s * 1000)
        self._frames.add(amount=frames_in)

    def echoed(self, call: str, frames: int) -> None:
        self._echo.add(amount=frames)

    def transcript(self, call: str, transcript: Transcript) -> None:
        self._transcripts.add("final" if transcript.final else "draft" if transcript.draft else "partial")

    def clause(self, call: str, clause: Clause) -> None:
        self._clauses.add(clause.language)

    def translated(self, call: str, translation: Translation) -> None:
        self._translations.add(translation.engine, "lost" if translation.lost else "kept")
        for lost in translation.lost:
            self._lost.add(translation.engine, lost.kind.value)

    def delivered(self, call: str, delivery: Delivery) -> None:
        self._deliveries.add(delivery.outcome.value, delivery.reason.value if delivery.reason else "")
        if delivery.outcome is Outcome.PLAYED and delivery.lag_ms is not None:
            self._lag.observe(delivery.lag_ms, delivery.language)
            for stage, milliseconds in delivery.stages_ms.items():
                self._stages.observe(milliseconds, stage)

    def speculated(self, call: str, kind: str, fate: Fate) -> None:
        self._speculations.add(kind, fate.value)

    def engine_failed(self, call: str, kind: str, error: EngineError) -> None:
        self._errors.add(error.engine, kind, type(error).__name__)
