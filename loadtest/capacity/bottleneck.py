"""What is full when a target breaks, named from what was seen. Pure: knows the figures of a step.

In this order, since the first that applies explains the others: whatever else ran on the machine (then nothing has been
measured), the load generator (then the target may carry more), the machine, one thread, a model's queue, memory. Where
nothing is seen to be full, that is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

GENERATORS: Final = ("locust", "sipp callers", "sipp called", "exchange")
"""Processes that make the load, and are no part of what carries it."""

FULL_THREAD: Final = 0.9
"""Of a core, on average: it had none left for a burst."""

FULL_MACHINE: Final = 0.93
LATE_MS: Final = 50.0
"""p99 by which a generator's own timer was late: what it measured is its own lateness too."""

MOST_OTHERS: Final = 0.2
"""Share of the machine that none of ours took."""

LOW_MEMORY_MB: Final = 200.0
LONG_QUEUE: Final = 1.0
"""Times the work on a request that it waited."""


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What stood in the way."""

    name: str
    evidence: str
    """What was seen of it, a sentence."""


def others(step: Mapping[str, Any]) -> float:
    """Cores that were taken by what does not belong to the test."""
    ours = sum(float(one["cores"]) for one in step["processes"].values())
    return max(0.0, float(step["machine"]["busy"]) * int(step["machine"]["cores"]) - ours)


def name(step: Mapping[str, Any]) -> Bottleneck:
    """The bottleneck of a step, as it stands in the report."""
    processes, busy, cores = step["processes"], step["machine"]["busy"], step["machine"]["cores"]
    ranked = sorted(processes, key=lambda one: -float(processes[one]["cores"]))
    shares = ", ".join(f"{one} {processes[one]['cores']:.2f}" for one in ranked if processes[one]["cores"] >= 0.01)
    spent = f"the machine was {busy:.0%} busy ({cores} cores; of a core: {shares or 'next to nothing'})"
    if (foreign := others(step)) >= MOST_OTHERS * cores:
        return Bottleneck(
            "something else on this machine",
            f"It took {foreign:.2f} of a core beside all that was watched: run it again by itself; {spent}.",
        )
    threads = {one: float(processes[one]["busiest_thread"]) for one in ranked}
    for one in GENERATORS:
        if threads.get(one, 0.0) >= FULL_THREAD:
            return Bottleneck(
                f"the load generator ({one})",
                f"One thread of {one} used {threads[one]:.0%} of a core: what was measured may carry more; {spent}.",
            )
    if busy >= FULL_MACHINE:
        most = next((one for one in ranked if one not in GENERATORS), ranked[0] if ranked else "nothing that is known")
        made = sum(processes[one]["cores"] for one in ranked if one in GENERATORS)
        return Bottleneck(
            f"the machine's CPU, most of it in {most}",
            f"{spent[0].upper()}{spent[1:]}; {made:.2f} of a core made the load.",
        )
    if (late := step["generator_late_ms"]) is not None and late > LATE_MS:
        return Bottleneck(
            "the load generator (locust)",
            f"Its own timer was {late:.0f} ms late (p99), though {spent}: what it says of others holds that too.",
        )
    full = [one for one in ranked if threads[one] >= FULL_THREAD]
    if full:
        one = max(full, key=lambda process: threads[process])
        return Bottleneck(f"one thread of {one}", f"It used {threads[one]:.0%} of a core, while {spent}.")
    waits = {model: counts["queue_ms"] / max(0.001, counts["compute_ms"]) for model, counts in step["models"].items()}
    if waits and max(waits.values()) > LONG_QUEUE:
        model = max(waits, key=lambda one: waits[one])
        counts = step["models"][model]
        return Bottleneck(
            f"the queue of the model {model}",
            f"A request waited {counts['queue_ms']:.0f} ms there and was worked on for {counts['compute_ms']:.0f} ms "
            f"({counts['batch']:.1f} a batch), while {spent}.",
        )
    if step["machine"]["free_mb"] < LOW_MEMORY_MB:
        return Bottleneck("memory", f"{step['machine']['free_mb']:.0f} MB could still be had, while {spent}.")
    return Bottleneck("not seen", f"Nothing that was watched was full: {spent}.")
