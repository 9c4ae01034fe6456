"""Each clause of a call as a row: what it was cut from, when its original was heard, when its translation was.

Puts together what was planned, what the service told and what was recorded; makes no figure of it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any, Final

import soxr

from controller.demo.script import voiced_span
from controller.frames import SAMPLE_RATE, Pcm
from controller.messages import Clause, Delivery, Outcome
from controller.stack.wav import PHONE_RATE
from loadtest.call.alignment import Alignment, align
from loadtest.call.plan import Line
from loadtest.call.signals import Found, find
from loadtest.call.taken import Spoken, Taken
from loadtest.call.wire import Wire

SLACK_S: Final = 0.5
"""How far outside a prompt's voice a clause of it may lie: a detector begins early and ends late."""

SHORT_S: Final = 0.4
"""A prompt's last clause that ends earlier than this before the true end has not understood the rest."""

TEMPLATE_S: Final = 2.0
"""How much of a translation is looked for."""

EARLIEST_S: Final = 12.0
LATEST_S: Final = 30.0
"""A translation is looked for from so long before the end of its clause, for so long: no clause is longer than the
first, none waits longer than the rest."""


@dataclass(slots=True)
class Row:
    """One clause to the other side. All `_s` are on the call's clock unless they say otherwise."""

    call: str
    part: str
    direction: str
    id: str
    prompt: str | None
    """None: it was cut from nothing that was said."""
    line: int | None
    counts: bool
    kind: str
    """`end`: reaches its prompt's true end; `inner`: committed before; `short`: the last, and too short; `stray`."""
    source: str
    target: str | None
    outcome: str
    reason: str | None
    end_s: float
    """As the controller believes."""
    true_end_s: float | None
    """When the true end arrived."""
    first_s: float | None
    ear_s: float | None
    stages_ms: dict[str, float]
    original_heard_s: float | None = None
    """The true end, in the listener's time."""
    translation_heard_s: float | None = None
    """The first sample of the translation, in the listener's time."""
    voice_heard_s: float | None = None
    """The first of its voice: after what silence or tone it begins with."""
    score: float | None = None
    lag_ms: float | None = None
    ear_lag_ms: float | None = None
    waited_ms: float | None = None
    """How long after the true end the translation before it went on: the listener's queue."""
    queue_empty: bool | None = None
    """No other translation was sounding when the true end was heard. (One that set in later is part of the lag.)"""
    off_ms: float | None = None
    """`ear_s` against the recording, the constant taken out."""
    where: tuple[int, int] | None = None
    """Its samples in the recording."""

    def as_json(self) -> dict[str, Any]:
        """With numbers to a tenth of a millisecond."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


@dataclass(slots=True)
class Heard:
    """One direction of a call."""

    speaker: str
    listener: str
    alignment: Alignment
    wire: Wire
    rows: list[Row]
    constant_ms: float | None
    """From `ear_s` to the listener's time, by the tone; None where the tone was not heard."""


def listen(taken: Taken, speaker: str, listener: str) -> Heard:
    """Everything that one side said and the other heard.

    Raises:
        StackError: a marker did not pass.
    """
    track, heard, wire = taken.plan.tracks[speaker], taken.heard[listener], taken.wires[listener]
    alignment = align(track, taken.arrived(speaker), heard, wire)
    rows = [_row(taken, one, track.lines, alignment) for one in taken.deliveries if one.clause.speaker == speaker]
    rows.sort(key=lambda row: (row.first_s is None, row.first_s or row.end_s))
    _kinds(rows, track.lines, alignment, track.pcm)
    _find_all(rows, heard, wire, taken.spoken, taken.plan.tracks[listener].language, alignment)
    return Heard(speaker, listener, alignment, wire, rows, _compare(rows))


def line_of(clause: Clause, lines: tuple[Line, ...], alignment: Alignment) -> int | None:
    """The line that a clause was cut from: the one in which most of it lies; None where it lies in none."""
    best, most = None, 0.0
    for number, (line, end) in enumerate(zip(lines, alignment.ends, strict=True)):
        start_s = end.arrived_s - (line.end_s - line.start_s) - SLACK_S
        inside = min(clause.span.end_s, end.arrived_s + SLACK_S) - max(clause.span.start_s, start_s)
        if inside > most:
            best, most = number, inside
    return best


def _row(taken: Taken, one: Delivery, lines: tuple[Line, ...], alignment: Alignment) -> Row:
    clause = one.clause
    number = line_of(clause, lines, alignment)
    return Row(
        call=taken.plan.name,
        part=taken.plan.part,
        direction=f"{clause.language}-{one.language}",
        id=clause.id,
        prompt=None if number is None else lines[number].prompt.name,
        line=number,
        counts=number is not None and lines[number].counts,
        kind="stray",
        source=clause.text,
        target=one.target,
        outcome=one.outcome.value,
        reason=one.reason.value if one.reason else None,
        end_s=clause.span.end_s,
        true_end_s=None,
        first_s=one.first_s,
        ear_s=one.ear_s,
        stages_ms=one.stages_ms,
    )


def _kinds(rows: list[Row], lines: tuple[Line, ...], alignment: Alignment, track: Pcm) -> None:
    """Tell which clause reaches its prompt's end, and when the original of each was heard."""
    by_line: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row.line is not None:
            by_line[row.line].append(row)
    for number, members in by_line.items():
        end, line = alignment.ends[number], lines[number]
        last = max(members, key=lambda row: row.end_s)
        for row in members:
            short = end.arrived_s - row.end_s > SHORT_S
            row.kind = "inner" if row is not last else "short" if short else "end"
            before_s = 0.0 if row.kind == "end" else end.arrived_s - _voiced_end(track, line, end.arrived_s, row.end_s)
            row.true_end_s = end.arrived_s - before_s
            row.original_heard_s = alignment.heard_s(number) - before_s


def _voiced_end(track: Pcm, line: Line, arrived_end_s: float, end_s: float) -> float:
    """The last voiced moment of a line until `end_s`, both on the call's clock."""
    until_s = min(line.end_s, line.end_s - (arrived_end_s - end_s))
    begin, end = round(line.start_s * PHONE_RATE), round(until_s * PHONE_RATE)
    whole = track[begin : round(line.end_s * PHONE_RATE)]
    voiced = _last_loud(track[begin:end], whole)
    return arrived_end_s - (line.end_s - line.start_s) + voiced


def _last_loud(piece: Pcm, whole: Pcm) -> float:
    """The end of the voice in a prompt's beginning, in seconds: quiet is what is quiet beside the whole of it."""
    step = PHONE_RATE // 100
    floor = max((abs(int(one)) for one in whole[:: step // 8]), default=0) * 10 ** (-35 / 20)
    for stop in range(len(piece), 0, -step):
        if max(abs(piece[max(0, stop - step) : stop].astype(int)), default=0) > floor:
            return stop / PHONE_RATE
    return len(piece) / PHONE_RATE


def _find_all(rows: list[Row], heard: Pcm, wire: Wire, spoken: Spoken, language: str, alignment: Alignment) -> None:
    """Find each translation that was played, in the order in which they were: none overlaps another."""
    at, began_s, over_s = 0, 0.0, 0.0
    for row in rows:
        if row.outcome != Outcome.PLAYED.value or row.target is None:
            continue
        made = spoken.get((row.target, language), [])
        assert alignment.first.heard_s is not None
        begin_s = row.end_s + alignment.first.heard_s - alignment.first.arrived_s - EARLIEST_S
        found, pcm = _first_of(made, heard, max(at, round((begin_s - wire.paused_s(begin_s)) * PHONE_RATE)))
        if found is None or pcm is None:
            continue
        begin, end = found.position, found.position + len(pcm)
        at = begin + len(pcm) // 2
        row.where, row.score = (begin, end), found.score
        row.translation_heard_s = wire.heard_s(begin)
        row.voice_heard_s = wire.heard_s(begin + round(voiced_span(pcm)[0] * PHONE_RATE))
        if row.original_heard_s is not None:
            row.lag_ms = (row.voice_heard_s - row.original_heard_s) * 1000
            row.waited_ms = max(0.0, over_s - row.original_heard_s) * 1000
            row.queue_empty = not began_s <= row.original_heard_s < over_s
        if row.ear_s is not None and row.true_end_s is not None:
            row.ear_lag_ms = (row.ear_s - row.true_end_s) * 1000
        began_s, over_s = row.translation_heard_s, wire.heard_s(end)


def _first_of(made: list[Pcm], heard: Pcm, begin: int) -> tuple[Found | None, Pcm | None]:
    """The best of what the voice made of one text, which it may have been asked for at more than one speed."""
    best: tuple[Found | None, Pcm | None] = None, None
    for wide in made:
        pcm = soxr.resample(wide, SAMPLE_RATE, PHONE_RATE, quality="HQ")
        end = begin + round(LATEST_S * PHONE_RATE)
        found = find(pcm[: round(TEMPLATE_S * PHONE_RATE)], heard, begin, end)
        if found is not None and (best[0] is None or found.score > best[0].score):
            best = found, pcm
    return best


def _compare(rows: list[Row]) -> float | None:
    """Compare every `ear_s` with the recording; the first translation, which carries the tone, gives the constant."""
    known = [row for row in rows if row.ear_s is not None and row.translation_heard_s is not None]
    if not known or known[0].counts:
        return None
    constant = (known[0].translation_heard_s or 0.0) - (known[0].ear_s or 0.0)
    for row in known[1:]:
        row.off_ms = ((row.translation_heard_s or 0.0) - (row.ear_s or 0.0) - constant) * 1000
    return constant * 1000
