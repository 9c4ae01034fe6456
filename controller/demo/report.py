"""What a demo call was: build/demo/report.json, and the success that its exit code tells."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from controller.demo.script import Part, Said
from controller.demo.voices import note
from controller.frames import FRAME_S, FRAME_SAMPLES, AudioFrame
from controller.messages import Clause, Delivery, Outcome, Transcript, Translation
from controller.observer import Observer
from controller.pipeline.conversation import Conversation
from controller.pipeline.leg import LegFigures
from controller.stack.wav import PHONE_RATE
from controller.telemetry import wer
from controller.telemetry.quantiles import quantiles

SCHEMA = "dragoman/demo/1"

SILENT_BELOW = 300
"""A recording whose loudest sample is lower (-41 dBFS) says nothing."""

Envelope = npt.NDArray[np.float32]
"""Root mean square of each 20 ms."""


@dataclass
class Record(Observer):
    """Everything that the report is made from, as the call goes on."""

    clauses: list[Clause] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    partials: Counter[str] = field(default_factory=Counter)
    levels: dict[str, list[float]] = field(default_factory=dict)
    translators: dict[tuple[str, str], str] = field(default_factory=dict)
    """The engine that translated, by clause and language."""

    def transcript(self, call: str, transcript: Transcript) -> None:
        self.partials[transcript.speaker] += not (transcript.final or transcript.draft)

    def clause(self, call: str, clause: Clause) -> None:
        self.clauses.append(clause)

    def translated(self, call: str, translation: Translation) -> None:
        self.translators[translation.clause.id, translation.language] = translation.engine

    def delivered(self, call: str, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    def tap(self, leg: str, frame: AudioFrame) -> None:
        """Keep each frame's level, to find out when the recording began on the call's clock."""
        samples = frame.pcm.astype(np.float32)
        self.levels.setdefault(leg, []).append(float(np.sqrt(np.dot(samples, samples) / FRAME_SAMPLES)))


def offset_s(recording: Envelope, arrived: Envelope) -> float:
    """When a recording's first sample arrived, on the call's clock: the lag at which the envelopes fit best."""
    if not len(recording) or not len(arrived):
        return 0.0
    fit = np.correlate(arrived, recording, mode="full")
    return (int(np.argmax(fit)) - (len(recording) - 1)) * FRAME_S


def envelope(part: Part) -> Envelope:
    step = round(PHONE_RATE * FRAME_S)
    whole = part.pcm[: len(part.pcm) // step * step].reshape(-1, step).astype(np.float32)
    levels: Envelope = np.sqrt((whole**2).mean(axis=1)).astype(np.float32)
    return levels


def build(
    record: Record,
    conversation: Conversation,
    parts: dict[str, Part],
    wavs: dict[str, dict[str, str]],
    engines: dict[str, str],
    ended: str,
    weights: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The report.

    Args:
        parts: what each leg said, by its name.
        wavs: `spoke_wav` and `heard_wav` of each leg, as the report names them.
        engines: names and versions.
        ended: how the call ended.
        weights: where an engine's weights come from, by its name; only what somebody chose.
    """
    here = [leg.figures() for leg in conversation.legs.values()]
    legs = {leg.name: leg for leg in (*here, *conversation.gone)}
    said = {
        name: _on_the_clock(part, np.array(record.levels.get(name, []), np.float32)) for name, part in parts.items()
    }
    played = [one for one in record.deliveries if one.outcome is Outcome.PLAYED and one.lag_ms is not None]
    balance = conversation.balance
    return {
        "schema": SCHEMA,
        "engines": engines,
        "weights": {name: dict(source) for name, source in (weights or {}).items()},
        "notes": [told for source in (weights or {}).values() if (told := note(source))],
        "cores": os.cpu_count(),
        "ended": ended,
        "legs": [
            {
                **_leg(leg, said[name], wavs[name], conversation.ticks_skipped, record),
                "silent": bool(np.max(np.abs(parts[name].pcm.astype(int)), initial=0) < SILENT_BELOW),
            }
            for name, leg in sorted(legs.items())
        ],
        "clauses": [_clause(clause, record) for clause in record.clauses],
        "ear_lag_ms": quantiles([(one.ear_s - one.clause.span.end_s) * 1000 for one in played if one.ear_s]),
        "lag_ms": quantiles([one.lag_ms for one in played if one.lag_ms is not None]),
        "meaning": _meaning(record.deliveries),
        "wer_recognised": {name: _wer(said[name], name, record) for name in sorted(legs)},
        "conservation": {
            "deliveries": balance.opened,
            "played": balance.played,
            "dropped": balance.dropped.total(),
            "dropped_by_reason": {reason.value: count for reason, count in sorted(balance.dropped.items())},
        },
    }


def verdict(report: dict[str, Any]) -> str | None:
    """What is wrong with a demo call, as a sentence; None where it was a success."""
    balance = report["conservation"]
    if balance["deliveries"] != balance["played"] + balance["dropped"]:
        return "Deliveries are missing: some were neither played nor dropped. This is a fault in Dragoman."
    if report["ended"] in ("media", "pbx"):
        return "Asterisk went away during the call; every delivery is accounted for in the report."
    speakers = {leg["leg"] for leg in report["legs"] if not leg["silent"]}
    for leg in report["legs"]:
        if not speakers - {leg["leg"]}:
            continue  # there was nothing to hear
        heard = [
            one
            for clause in report["clauses"]
            for one in clause["deliveries"]
            if one["listener"] == leg["leg"] and one["outcome"] == "played"
        ]
        if not heard:
            return f"Leg {leg['leg']} heard no translation; the report and the logs beside it say more."
    return None


def _on_the_clock(part: Part, arrived: Envelope) -> list[Said]:
    offset = offset_s(envelope(part), arrived)
    return [Said(one.text, one.start_s + offset, one.end_s + offset) for one in part.said]


def _leg(leg: LegFigures, said: list[Said], wavs: dict[str, str], skipped: int, record: Record) -> dict[str, Any]:
    return {
        "leg": leg.name,
        "language": leg.language,
        **wavs,
        "frames_in": leg.arrived,
        "frames_filled": leg.filled,
        "frames_out": leg.frames_out,
        "frames_dropped": leg.lost + leg.frames_out_dropped,
        "frames_dropped_by_reason": {**leg.dropped, "out": leg.frames_out_dropped},
        "ticks_late": skipped,
        "bypassed_s": round(leg.bypassed_s, 1),
        "partials": record.partials[leg.name],
        "said": [{"text": one.text, "start_s": round(one.start_s, 3), "end_s": round(one.end_s, 3)} for one in said],
    }


def _clause(clause: Clause, record: Record) -> dict[str, Any]:
    return {
        "id": clause.id,
        "leg": clause.speaker,
        "language": clause.language,
        "source": clause.text,
        "start_s": round(clause.span.start_s, 3),
        "end_s": round(clause.span.end_s, 3),
        "deliveries": [
            {**_delivery(one), "translator": record.translators.get((clause.id, one.language))}
            for one in record.deliveries
            if one.clause.id == clause.id
        ],
    }


def _delivery(one: Delivery) -> dict[str, Any]:
    def rounded(seconds: float | None) -> float | None:
        return None if seconds is None else round(seconds, 4)

    return {
        "listener": one.listener,
        "language": one.language,
        "target": one.target,
        "lost": [{"kind": lost.kind.value, "what": lost.what} for lost in one.lost],
        "first_audio_s": rounded(one.first_s),
        "ear_s": rounded(one.ear_s),
        "last_audio_s": rounded(one.last_s),
        "lag_ms": None if one.lag_ms is None else round(one.lag_ms, 1),
        "outcome": one.outcome.value,
        "reason": one.reason.value if one.reason else None,
        "stages_ms": {stage: round(value, 1) for stage, value in one.stages_ms.items()},
    }


def _meaning(deliveries: list[Delivery]) -> dict[str, Any]:
    """How many translations seem to have lost something, by what it was; one that several hear counts once."""
    told = {(one.clause.id, one.language): one.lost for one in deliveries if one.target is not None}
    kinds = Counter(lost.kind.value for found in told.values() for lost in found)
    return {"translations": len(told), "marked": sum(map(bool, told.values())), "lost": dict(sorted(kinds.items()))}


def _wer(said: list[Said], leg: str, record: Record) -> float | None:
    """Of the whole call: all that was said against all that was recognised, in order; None where it is not known."""
    if any(one.text is None for one in said):
        return None
    reference = " ".join(one.text or "" for one in said)
    heard = " ".join(clause.text for clause in record.clauses if clause.speaker == leg)
    rate = wer.rate([(reference, heard)])
    return None if rate is None else round(rate, 4)
