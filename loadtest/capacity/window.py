"""One step, watched: what users got, what calls came to, what every process and every model did meanwhile.

Runs inside Locust; standard library only, so that it can be tested without.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from loadtest.capacity import models, processes
from loadtest.capacity.plan import Run

LEGS: Final = 2


class Told:
    """What the measured process says of its calls, line by line, as far as it has come."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0

    def new(self) -> list[dict[str, Any]]:
        """The lines since the last time, those alone that are whole."""
        try:
            with self._file.open("rb") as lines:
                lines.seek(self._read)
                text = lines.read()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


class Window:
    """`begin`, what users got by `got`, `look` every second, then `end`, which gives the step for the report."""

    def __init__(self, run: Run, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._clock = clock
        self._pids = {**run.processes, "locust": os.getpid()}
        self._told = Told(Path(run.told)) if run.told else None
        self._open = False
        self._last: dict[str, Any] | None = None
        self._forget()

    def got(self, name: str, milliseconds: float, error: str = "") -> None:
        """A user got something after so long, or failed to."""
        if not self._open:
            return
        self._asked += 1
        if error:
            self._failed += 1
            self._error = error
        else:
            self._rows[name].append(milliseconds)

    def also(self, name: str, milliseconds: float) -> None:
        """Something that is not asked for by itself: a gap, the generator's own lateness."""
        if self._open:
            self._rows[name].append(milliseconds)

    def late(self, milliseconds: float) -> None:
        """By so much the generator's own timer was late."""
        if self._open:
            self._late.append(milliseconds)

    def look(self) -> list[float]:
        """See what the measured process has said since; the lags among it, in milliseconds."""
        lags = []
        for line in self._told.new() if self._told else []:
            self._last = line
            if self._open:
                self._lines.append(line)
                for lag in line["lags_ms"]:
                    self.got("lag", lag)
            lags += line["lags_ms"]
        return lags

    def begin(self) -> None:
        """From here on it counts."""
        self.look()
        self._forget()
        self._open = True
        if self._last is not None:
            self._lines.append({**self._last, "lags_ms": []})
        self._models = models.read(self._run.metrics) if self._run.metrics else {}
        self._began = processes.look(self._pids, self._clock())

    def end(self, users: int) -> dict[str, Any]:
        """All that was seen since `begin`."""
        self.look()
        self._open = False
        costs = processes.between(self._began, processes.look(self._pids, self._clock()), os.cpu_count() or 1)
        asked = models.between(self._models, models.read(self._run.metrics)) if self._run.metrics else {}
        step: dict[str, Any] = {
            "users": users,
            "seconds": round(costs.seconds, 1),
            "rows": {name: spread(samples) for name, samples in sorted(self._rows.items())},
            "asked": self._asked,
            "failed": self._failed,
            "error": self._error,
            "processes": {name: {key: round(value, 3) for key, value in asdict(cost).items()}
                          for name, cost in costs.of.items()},
            "machine": {"busy": round(costs.busy, 3), "cores": costs.cores, "free_mb": round(costs.free_mb)},
            "models": {name: {"requests": round(one.requests), "queue_ms": round(one.queue_ms, 2),
                              "compute_ms": round(one.compute_ms, 2), "batch": round(one.batch, 2)}
                       for name, one in asked.items()},
            "generator_late_ms": spread(self._late)["p99"],
        }  # fmt: skip
        if self._told is None:
            return step
        step |= calls(self._lines)
        if step["ended"]:
            step |= {"failed": step["failed"] + step["ended"], "error": "a call ended that was to go on"}
        return step

    def _forget(self) -> None:
        self._rows: defaultdict[str, list[float]] = defaultdict(list)
        self._late: list[float] = []
        self._lines: list[dict[str, Any]] = []
        self._asked = self._failed = 0
        self._error = ""


def calls(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of what the measured process said from the beginning of a step to its end: calls that were up, frames lost.

    A frame in is lost where silence had to take its place, or where it came and was not consumed; a frame out where a
    channel did not take it, or where the moment at which it was due was skipped.
    """
    if len(lines) < 2:
        return {"up": 0, "ended": 0, "frames": {"dropped_in": 1.0, "dropped_out": 1.0}, "queues": {}}
    first, last = lines[0], lines[-1]

    def more(name: str) -> int:
        return int(last[name] - first[name])

    came, lost_in = more("arrived"), max(more("filled"), more("dropped"))
    made, lost_out = more("frames_out"), more("refused") + LEGS * more("skipped")
    deepest: dict[str, int] = {}
    for line in lines[1:]:
        for queue, depth in line["queues"].items():
            deepest[queue] = max(deepest.get(queue, 0), depth)
    return {
        "up": min(line["up"] for line in lines[1:]),
        "ended": more("ended"),
        "frames": {
            "in": came,
            "out": made,
            "lost_in": lost_in,
            "lost_out": lost_out,
            "skipped": LEGS * more("skipped"),
            "dropped_in": round(lost_in / max(1, came + more("filled")), 5),
            "dropped_out": round(lost_out / max(1, made + LEGS * more("skipped")), 5),
            "tick_late_ms": max(line["tick_late_ms"] for line in lines[1:]),
        },
        "queues": deepest,
    }


def spread(samples: Sequence[float]) -> dict[str, float | int | None]:
    """p50, p95, p99, max and n, each a sample that there was; null where there are none."""
    if not samples:
        return {"p50": None, "p95": None, "p99": None, "max": None, "n": 0}
    ordered = sorted(samples)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)

    return {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": round(ordered[-1], 1), "n": len(ordered)}
