"""What processes cost, from /proc: CPU of each and of its busiest thread, memory, and how busy the machine is.

Standard library only. A process that has gone costs nothing from then on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Used:
    """Of one process, so far."""

    cpu_s: float
    threads_s: Mapping[int, float]
    """CPU of each thread, by its id."""
    rss_mb: float


@dataclass(frozen=True, slots=True)
class Look:
    """All processes at one moment."""

    at_s: float
    """On time.monotonic()."""
    used: Mapping[str, Used]
    busy_s: float
    """CPU seconds of the whole machine, all cores, whoever took them."""
    free_mb: float
    """Memory that can still be had."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took between two looks."""

    cores: float
    """1.0 is one core, all the time."""
    busiest_thread: float
    """Of a core."""
    rss_mb: float
    """At the end."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What all of them took between two looks."""

    of: Mapping[str, Cost]
    busy: float
    """Share of all cores, 0 to 1."""
    cores: int
    free_mb: float
    """At the end."""
    seconds: float = field(default=0.0)


def look(pids: Mapping[str, int], now_s: float, proc: Path = Path("/proc")) -> Look:
    """The processes `pids`, by the names that they go by in the table."""
    used = {name: one for name, pid in pids.items() if (one := _used(proc / str(pid))) is not None}
    return Look(now_s, used, _busy_s(proc), _free_mb(proc))


def between(before: Look, after: Look, cores: int) -> Costs:
    """What was taken from one look to the next."""
    seconds = max(1e-6, after.at_s - before.at_s)
    of = {}
    for name, now in after.used.items():
        then = before.used.get(name)
        threads = [took - (then.threads_s.get(thread, 0.0) if then else 0.0) for thread, took in now.threads_s.items()]
        cpu_s = now.cpu_s - (then.cpu_s if then else 0.0)
        of[name] = Cost(cpu_s / seconds, max(threads, default=0.0) / seconds, now.rss_mb)
    busy = min(1.0, (after.busy_s - before.busy_s) / seconds / cores)
    return Costs(of, busy, cores, after.free_mb, seconds)


def _used(folder: Path) -> Used | None:
    try:
        threads = {int(one.name): _cpu_s(one / "stat") for one in (folder / "task").iterdir()}
        pages = int((folder / "statm").read_text().split()[1])
        return Used(_cpu_s(folder / "stat"), threads, pages * _PAGE / 1e6)
    except (OSError, IndexError, ValueError):  # gone, or a thread of it meanwhile
        return None


def _cpu_s(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _busy_s(proc: Path) -> float:
    user, nice, system, _idle, _wait, irq, softirq, *rest = map(
        int, (proc / "stat").read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + sum(rest)) / _TICKS


def _free_mb(proc: Path) -> float:
    for line in (proc / "meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 1024
    return 0.0
