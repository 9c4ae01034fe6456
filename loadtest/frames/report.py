"""The arithmetic of the report: windows into rows, rows against bounds, both as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np

from loadtest.frames.windows import Window

CHANNELS: Final = 100
"""The row that the bounds are about."""

MOST_CPU_PERCENT: Final = 60.0
MOST_WORK_MS: Final = 20.0
MOST_QUEUE_MS: Final = 10.0
MOST_LATE_MS: Final = 5.0
MOST_LATE_ABOVE_BARE_MS: Final = 2.0
MOST_OF_LEAN: Final = 1 / 5
MOST_SCRAPED_FACTOR: Final = 1.2
MOST_SCRAPED_ABOVE_MS: Final = 1.0

LIVE_QUEUES: Final = ("input", "asr")
"""The queues of audio; in `mt` and `tts` a clause waits for the one before it, and in `playback` sound for its turn."""


@dataclass(frozen=True)
class Bound:
    """One thing that must hold."""

    what: str
    measured: str
    bound: str
    holds: bool


def quantiles(samples_s: Sequence[float], scale: float = 1e3) -> dict[str, float | int | None]:
    """p50, p95, p99, max and n of `samples_s` times `scale`; null where there are none."""
    if not len(samples_s):
        return {"p50": None, "p95": None, "p99": None, "max": None, "n": 0}
    values = np.percentile(np.asarray(samples_s) * scale, [50, 95, 99, 100])
    named = zip(("p50", "p95", "p99", "max"), values, strict=True)
    return {**{name: round(float(value), 3) for name, value in named}, "n": len(samples_s)}


def median_quantiles(windows: Sequence[Sequence[float]]) -> dict[str, float | int | None]:
    """Each quantile the median of the windows' own, in milliseconds; n is of them all."""
    each = [quantiles(window) for window in windows]
    middle = {name: round(median(one[name] or 0.0 for one in each), 3) for name in ("p50", "p95", "p99", "max")}
    return {**middle, "n": sum(len(window) for window in windows)}


def row(windows: Sequence[Window]) -> dict[str, Any]:
    """The JSON of windows of the same kind: cost and lateness are medians, waits and work cover them all. The waits
    are those of the watched calls only: `queues_of_calls` says how many."""
    waits: dict[str, list[float]] = {}
    for window in windows:
        for name, samples in window.waits_s.items():
            waits.setdefault(name, []).extend(samples)
    return {
        "channels": windows[0].channels,
        "seconds": round(median(one.seconds for one in windows), 1),
        "windows": len(windows),
        "cpu_percent_of_core": round(median(one.cpu_s / one.seconds for one in windows) * 100, 1),
        "cpu_us_per_frame": round(median(one.cpu_s / max(1, one.frames) for one in windows) * 1e6, 1),
        "late_ms": median_quantiles([one.late_s for one in windows]),
        "frame_us": quantiles([value for one in windows for value in one.frame_s], 1e6),
        "period_ms": quantiles([value for one in windows for value in one.period_s]),
        "queue_ms": quantiles([value for name in LIVE_QUEUES for value in waits.get(name, [])]),
        "queues_of_calls": windows[0].watched_calls,
        "queues_ms": {name: quantiles(samples) for name, samples in sorted(waits.items())},
        "frames": sum(one.frames for one in windows),
        "dropped": sum(one.dropped + one.lost for one in windows),
        "gaps": sum(one.gaps for one in windows),
        "played": sum(one.played for one in windows),
    }


def of_channels(one: dict[str, Any], bare: dict[str, Any]) -> list[Bound]:
    """The bounds of the row of CHANNELS channels. `bare`: the report's `bare_timer`."""
    late, timer = one["late_ms"]["p99"], bare["late_ms"]["p99"]
    what = f"{one['channels']} channels: "
    cpu, work = one["cpu_percent_of_core"], one["period_ms"]["p99"]
    bounds = [
        Bound(f"{what}CPU", f"{cpu:.1f} %", f"<= {MOST_CPU_PERCENT:g} %", cpu <= MOST_CPU_PERCENT),
        Bound(f"{what}frames dropped or lost", str(one["dropped"]), "0", one["dropped"] == 0),
        Bound(f"{what}all work of a 20 ms, p99", f"{work:.2f} ms", f"< {MOST_WORK_MS:g} ms", work < MOST_WORK_MS),
    ]
    for queue in LIVE_QUEUES:
        wait = one["queues_ms"][queue]["p95"]
        bounds.append(
            Bound(
                f"{what}in `{queue}` of {one['queues_of_calls']} calls, p95",
                f"{wait:.2f} ms",
                f"< {MOST_QUEUE_MS:g} ms",
                wait < MOST_QUEUE_MS,
            )
        )
    bounds.append(
        Bound(
            f"{what}lateness, p99",
            f"{late:.2f} ms (bare timer {timer:.2f})",
            f"<= {MOST_LATE_MS:g} ms, or {MOST_LATE_ABOVE_BARE_MS:g} above the bare timer's",
            late <= MOST_LATE_MS or late - timer <= MOST_LATE_ABOVE_BARE_MS,
        )
    )
    return bounds


def of_passthrough(rows: Sequence[dict[str, Any]]) -> list[Bound]:
    """Ours against pipecat without its observers."""
    cost = {one["engine"]: one["cpu_us_per_frame"] for one in rows}
    ratio = cost["ours"] / cost["pipecat-lean"]
    return [
        Bound(
            f"pass-through, {rows[0]['legs']} legs: ours of lean pipecat's CPU",
            f"{cost['ours']:.1f} / {cost['pipecat-lean']:.1f} us = 1/{1 / ratio:.1f}",
            "<= 1/5",
            ratio <= MOST_OF_LEAN,
        )
    ]


def of_scrape(quiet: dict[str, Any], scraped: dict[str, Any]) -> list[Bound]:
    """Two rows of the same calls, without and with a scrape a second."""
    without, late = quiet["late_ms"]["p99"], scraped["late_ms"]["p99"]
    return [
        Bound(
            f"{quiet['channels'] // 2} calls, scraped: lateness, p99",
            f"{late:.2f} ms (without {without:.2f})",
            f"<= {MOST_SCRAPED_FACTOR:g} times, or {MOST_SCRAPED_ABOVE_MS:g} ms above",
            late <= MOST_SCRAPED_FACTOR * without or late - without <= MOST_SCRAPED_ABOVE_MS,
        )
    ]


def passthrough_rows(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row an engine: the median cost of its runs."""
    rows = []
    for engine in dict.fromkeys(one["engine"] for one in runs):
        own = [one for one in runs if one["engine"] == engine]
        middle = sorted(own, key=lambda one: float(one["cpu_us_per_frame"]))[len(own) // 2]
        rows.append({**middle, "runs": len(own), "cpu_us_per_frame_of_runs": [one["cpu_us_per_frame"] for one in own]})
    return rows


def table(rows: Sequence[dict[str, Any]], bounds: Sequence[Bound]) -> str:
    """For a person."""
    lines = ["channels  CPU %  us/frame  late p50/p99 ms  input p95 ms  asr p95 ms  dropped  gaps"]
    for one in rows:
        late, queues = one["late_ms"], one["queues_ms"]
        waits = [queues[name]["p95"] if name in queues else float("nan") for name in LIVE_QUEUES]
        lines.append(
            f"{one['channels']:8}  {one['cpu_percent_of_core']:5.1f}  {one['cpu_us_per_frame']:8.1f}  "
            f"{late['p50']:7.2f}/{late['p99']:7.2f}  {waits[0]:12.2f}  {waits[1]:10.2f}  "
            f"{one['dropped']:7}  {one['gaps']:4}"
        )
    lines += ["", *(f"{'PASS' if b.holds else 'FAIL'}  {b.what}: {b.measured} (bound {b.bound})" for b in bounds)]
    return "\n".join(lines)
