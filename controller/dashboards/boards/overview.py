"""The first one to look at: is anything wrong, and where."""

from __future__ import annotations

from typing import Final

from controller.dashboards.boards.words import LAG_MS, LOST, PER, per_second, quantile, quantiles, share
from controller.dashboards.panels import Board, Panel, Query, Row

WORKS: Final = ((0, "does not work", "red"), (1, "works", "green"))

OVERVIEW: Final = Board(
    "overview",
    "Dragoman: overview",
    "Whether calls are interpreted, and what is wrong where they are not. About alerts: docs/troubleshooting.md.",
    (
        Row(
            "Now",
            (
                Panel(
                    "Calls",
                    "Those that are up, and as many as may be.",
                    (Query("dragoman_calls", "up"), Query("dragoman_calls_limit", "limit")),
                    kind="stat",
                    width=4,
                ),
                Panel(
                    "Lag p95",
                    "From a clause's end to its first translated sample: 19 of 20 begin earlier. Target 900 ms.",
                    (Query(quantile(0.95, "dragoman_lag_ms"), "lag"),),
                    "ms",
                    "stat",
                    LAG_MS,
                    width=4,
                ),
                Panel(
                    "Frames lost",
                    "What callers say and nobody listens to, since the process was late or the recogniser behind.",
                    (Query(share(f"dragoman_frames_dropped_total{{{LOST}}}", "dragoman_frames_total"), "lost"),),
                    "percentunit",
                    "stat",
                    0.01,
                    width=4,
                ),
                Panel(
                    "Hear the original only",
                    "Listeners for whom no engine is left.",
                    (Query("dragoman_bypassed_listeners", "listeners"),),
                    kind="stat",
                    limit=1,
                    width=4,
                ),
                Panel(
                    "Engines left alone",
                    "Those that failed so often that others are asked instead.",
                    (Query("count(dragoman_breaker_state == 2) or count(dragoman_breaker_state) * 0", "engines"),),
                    kind="stat",
                    limit=1,
                    width=4,
                ),
                Panel(
                    "Age of these figures",
                    "Since the call process last told its figures: it does once a second. More than 10 s: it hangs.",
                    (Query("dragoman_snapshot_age_seconds", "age"),),
                    "s",
                    "stat",
                    10,
                    width=4,
                ),
            ),
        ),
        Row(
            "What works",
            (
                Panel(
                    "Answers to Prometheus",
                    "Whether the controller's API and Triton tell their figures.",
                    (Query("up", "{{job}}"),),
                    kind="state-timeline",
                    words=WORKS,
                    width=12,
                ),
                Panel(
                    "Parts",
                    "Asterisk is connected; of each kind of engine one works.",
                    (Query("dragoman_ready", "{{part}}"),),
                    kind="state-timeline",
                    words=WORKS,
                    width=12,
                ),
            ),
        ),
        Row(
            "Calls",
            (
                Panel(
                    "Calls up",
                    "At the limit whoever calls is refused.",
                    (Query("dragoman_calls", "up"), Query("dragoman_calls_limit", "limit")),
                ),
                Panel(
                    "Calls by how they ended",
                    "a, b, room, operator: hung up. media, pbx, service: it broke. refused, failed: it never was one.",
                    (Query(f"sum by (outcome) (increase(dragoman_calls_total{PER}))", "{{outcome}}"),),
                    stacked=True,
                ),
                Panel(
                    "Lag",
                    "From a clause's end to its first translated sample, all languages.",
                    quantiles("dragoman_lag_ms"),
                    "ms",
                    limit=LAG_MS,
                ),
            ),
        ),
        Row(
            "What goes wrong",
            (
                Panel(
                    "Translations never heard",
                    "A second, by why. Some of hangup, superseded and echo is as it should be.",
                    (Query(per_second("dragoman_deliveries_total", "reason", 'outcome="dropped"'), "{{reason}}"),),
                    "ops",
                    stacked=True,
                ),
                Panel(
                    "Failures of engines",
                    "Pieces of work a second at which an engine failed.",
                    (Query(per_second("dragoman_engine_errors_total", "engine, kind"), "{{kind}} {{engine}}"),),
                    "ops",
                    stacked=True,
                ),
                Panel(
                    "Moments skipped",
                    "Frames a second for which the call process came too late. Any at all: its machine is overloaded.",
                    (Query(per_second("dragoman_ticks_skipped_total", "job"), "skipped"),),
                    "ops",
                    limit=1,
                ),
            ),
        ),
    ),
)
