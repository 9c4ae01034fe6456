"""The table of all steps, for a person: Markdown, a table a target, with its breaking point and its bottleneck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from loadtest.capacity import bottleneck

CALLS: Final = ("calls", "lag ms p50/p95/p99", "frames lost in/out", "tick late ms")
ROWS: Final = ("at a time", "a second")
COSTS: Final = ("CPU of a core", "machine", "memory MB", "holds")


def target(what: str, report: Mapping[str, Any], least: int) -> str:
    """One target's part: its head, a line a step, what it came to.

    Args:
        what: its head.
        report: what Locust's steps left.
        least: what it must carry.
    """
    steps = report["steps"]
    calls = any("frames" in one for one in steps)
    names = list(dict.fromkeys(name for one in steps for name in one["rows"]))
    head = (*CALLS, *COSTS) if calls else (*ROWS, *(f"{name} ms p50/p95/p99" for name in names), "queue ms", *COSTS)
    lines = [head, tuple("---" for _ in head)]
    for one in steps:
        measured = _of_calls(one) if calls else _of_model(one, names)
        lines.append((*measured, *_costs(one)))
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"## {what}\n\n{table}\n\n{verdict(report, least)}\n"


def verdict(report: Mapping[str, Any], least: int) -> str:
    """What it carries, where it broke and on what, and whether that is enough."""
    carried, broke_at, steps = report["carried"], report["broke_at"], report["steps"]
    word = "PASS" if carried >= least else "FAIL"
    lines = [f"{word}: carries {carried} (at least {least})."]
    if broke_at is None:
        lines.append("It did not break: that is as far as was tried.")
    else:
        last = steps[-1]
        found = bottleneck.name(last)
        lines.append(f"Breaks at {broke_at}: {'; '.join(last['broken'])}.")
        lines.append(f"Bottleneck: {found.name}. {found.evidence}")
    return "\n".join(lines)


def _of_calls(step: Mapping[str, Any]) -> tuple[str, ...]:
    frames = step["frames"]
    late = f"{frames['tick_late_ms']:.0f}" if "tick_late_ms" in frames else "-"
    lost = f"{frames['dropped_in']:.2%} / {frames['dropped_out']:.2%}"
    return f"{step['up']} of {step['users']}", _spread(step["rows"].get("lag")), lost, late


def _of_model(step: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    waits = [f"{model} {counts['queue_ms']:.0f}" for model, counts in step["models"].items()]
    rate = f"{(step['asked'] - step['failed']) / step['seconds']:.1f}"
    return str(step["users"]), rate, *(_spread(step["rows"].get(name)) for name in names), ", ".join(waits) or "-"


def _costs(step: Mapping[str, Any]) -> tuple[str, ...]:
    costs = step["processes"]
    ranked = sorted(costs, key=lambda one: -float(costs[one]["cores"]))
    cpu = ", ".join(f"{one} {costs[one]['cores']:.2f}" for one in ranked if costs[one]["cores"] >= 0.01)
    memory = ", ".join(f"{one} {costs[one]['rss_mb']:.0f}" for one in ranked if one not in bottleneck.GENERATORS)
    machine = f"{step['machine']['busy']:.0%}, others {bottleneck.others(step):.2f}"
    return cpu, machine, memory, "no" if step["broken"] else "yes"


def _spread(row: Mapping[str, Any] | None) -> str:
    if row is None or row["p50"] is None:
        return "-"
    return f"{row['p50']:.0f} / {row['p95']:.0f} / {row['p99']:.0f}"
