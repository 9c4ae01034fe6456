"""Keeps everything that the pipeline tells."""

from __future__ import annotations

from collections import Counter

from controller.errors import EngineError
from controller.messages import Clause, Delivery, Fate, Reason, Transcript, Translation
from controller.observer import Observer
from controller.voices.standing import Standing


class RecordingObserver(Observer):
    def __init__(self) -> None:
        self.transcripts: list[Transcript] = []
        self.clauses: list[Clause] = []
        self.translations: list[Translation] = []
        self.deliveries: list[Delivery] = []
        self.failures: list[tuple[str, EngineError]] = []
        self.fates: Counter[tuple[str, str]] = Counter()
        self.gone: list[tuple[str, Reason]] = []
        self.claims: list[tuple[str, str]] = []
        """Participant and state."""
        self.voices: list[tuple[str, str]] = []
        """Participant, and in which voice they are spoken."""
        self.frames = 0
        self.frames_dropped = 0

    def left(self, call: str, leg: str, reason: Reason) -> None:
        self.gone.append((leg, reason))

    def transcript(self, call: str, transcript: Transcript) -> None:
        self.transcripts.append(transcript)

    def clause(self, call: str, clause: Clause) -> None:
        self.clauses.append(clause)

    def translated(self, call: str, translation: Translation) -> None:
        self.translations.append(translation)

    def delivered(self, call: str, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    def engine_failed(self, call: str, kind: str, error: EngineError) -> None:
        self.failures.append((kind, error))

    def speculated(self, call: str, kind: str, fate: Fate) -> None:
        self.fates[kind, fate.value] += 1

    def claimed(self, call: str, leg: str, standing: Standing) -> None:
        self.claims.append((leg, standing.state.value))

    def voiced(self, call: str, leg: str, voice: str) -> None:
        self.voices.append((leg, voice))

    def ticked(self, call: str, late_s: float, work_s: float, frames_in: int, frames_dropped: int) -> None:
        self.frames += frames_in
        self.frames_dropped += frames_dropped
