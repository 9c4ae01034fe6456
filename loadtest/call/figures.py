"""The figures of build/bench/call.json, out of rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from controller.messages import Outcome
from controller.telemetry import wer
from controller.telemetry.quantiles import quantiles
from controller.text import fold
from loadtest.call.again import Again
from loadtest.call.plan import Track
from loadtest.call.rows import Row


def turns(rows: Sequence[Row], said: Mapping[str, Track], again: Sequence[Again]) -> dict[str, Any]:
    """One direction, in turns.

    Args:
        rows: of one direction, all calls.
        said: what its side said, by call.
    """
    counted = [row for row in rows if row.counts]
    return {
        "prompts": sum(line.counts for track in said.values() for line in track.lines),
        "clauses": sum(row.lag_ms is not None for row in ends(counted)),
        "lag_ms": _lags(ends(counted)),
        "ear_lag_ms": quantiles([row.ear_lag_ms for row in ends(counted) if row.ear_lag_ms is not None]),
        "inner_lag_ms": _lags(row for row in counted if row.kind == "inner"),
        "queue_empty_lag_ms": _lags(row for row in ends(counted) if row.queue_empty),
        "prompts_unfinished": sum(row.kind == "short" for row in counted),
        "clauses_stray": sum(row.kind == "stray" for row in rows),
        "clauses_not_found": sum(row.outcome == Outcome.PLAYED.value and row.where is None for row in rows),
        "dropped": dropped(rows),
        "stages_ms": stages(ends(counted)),
        "wer_recognised": recognised(rows, said),
        "wer_heard_again": wer.rate([(one.row.target or "", one.heard) for one in again]),
        "wer_clean_synthesis": wer.rate([(one.row.target or "", one.clean) for one in again]),
        "wer_clean_telephone": wer.rate([(one.row.target or "", one.telephone) for one in again]),
        "wer_clean_unhurried": wer.rate([(one.row.target or "", one.unhurried) for one in again]),
    }


def continuous(rows: Sequence[Row], said: Mapping[str, Track], backlog_s: Sequence[float]) -> dict[str, Any]:
    """One direction, without waiting for the listener."""
    counted = [row for row in rows if row.counts]
    words = sum(len(fold(row.source)) for row in counted)
    lost = sum(len(fold(row.source)) for row in counted if row.outcome == Outcome.DROPPED.value)
    in_ms = quantiles([value * 1000 for value in backlog_s])
    return {
        "prompts": sum(line.counts for track in said.values() for line in track.lines),
        "clauses": sum(row.lag_ms is not None for row in ends(counted)),
        "lag_ms": _lags(ends(counted)),
        "inner_lag_ms": _lags(row for row in counted if row.kind == "inner"),
        "waited_ms": quantiles([row.waited_ms for row in ends(counted) if row.waited_ms is not None]),
        "backlog_s": {name: value if name == "n" or value is None else value / 1000 for name, value in in_ms.items()},
        "words_dropped": lost / words if words else None,
        "dropped": dropped(rows),
        "prompts_unfinished": sum(row.kind == "short" for row in counted),
        "clauses_not_found": sum(row.outcome == Outcome.PLAYED.value and row.where is None for row in rows),
        "stages_ms": stages(ends(counted)),
        "wer_recognised": recognised(rows, said),
    }


def ends(rows: Iterable[Row]) -> list[Row]:
    """The clauses that reach their prompt's end."""
    return [row for row in rows if row.kind == "end"]


def dropped(rows: Iterable[Row]) -> dict[str, int]:
    """How many clauses were not played, by reason."""
    return dict(sorted(Counter(row.reason for row in rows if row.reason is not None).items()))


def stages(rows: Sequence[Row]) -> dict[str, Any]:
    """Where the time went, as the service tells it."""
    names = dict.fromkeys(name for row in rows for name in row.stages_ms)
    return {name: quantiles([row.stages_ms[name] for row in rows if name in row.stages_ms]) for name in names}


def recognised(rows: Sequence[Row], said: Mapping[str, Track]) -> float | None:
    """Word error rate of what was recognised, prompt by prompt; a prompt that was not recognised counts all its words,
    a clause out of nowhere all of its own."""
    return wer.rate([(reference, heard) for reference, heard, _ in recognised_each(rows, said)])


def recognised_each(rows: Sequence[Row], said: Mapping[str, Track]) -> list[tuple[str, str, str]]:
    """Of every prompt what it says, what was recognised, and its name."""
    heard: dict[tuple[str, int], list[Row]] = defaultdict(list)
    pairs = []
    for row in rows:
        if row.line is None:
            pairs.append(("", row.source, ""))
        else:
            heard[row.call, row.line].append(row)
    for call, track in said.items():
        for number, line in enumerate(track.lines):
            if line.counts:
                members = sorted(heard[call, number], key=lambda row: row.end_s)
                pairs.append((line.prompt.text, " ".join(row.source for row in members), line.prompt.name))
    return pairs


def _lags(rows: Iterable[Row]) -> dict[str, Any]:
    return quantiles([row.lag_ms for row in rows if row.lag_ms is not None])
