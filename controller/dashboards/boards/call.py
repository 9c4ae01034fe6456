"""What callers hear: how late, how much of it, and how well."""

from __future__ import annotations

from typing import Final

from controller.dashboards.boards.words import LAG_MS, LOST, PER, per_second, quantile, quantiles, share
from controller.dashboards.panels import Board, Panel, Query, Row

CALL: Final = Board(
    "call",
    "Dragoman: calls",
    "All calls together. A single one is shown by `dragoman call show`, and replayed from its recording.",
    (
        Row(
            "How late",
            (
                Panel(
                    "Lag by language",
                    "p95 from a clause's end to its first translated sample, by the language that is heard.",
                    (Query(quantile(0.95, "dragoman_lag_ms", "language"), "{{language}}"),),
                    "ms",
                    limit=LAG_MS,
                ),
                Panel(
                    "Where the lag goes",
                    "The mean of each stage; stacked they are the mean lag.",
                    (
                        Query(
                            f"sum by (stage) (rate(dragoman_stage_ms_sum{PER}))"
                            f" / sum by (stage) (rate(dragoman_stage_ms_count{PER}))",
                            "{{stage}}",
                        ),
                    ),
                    "ms",
                    stacked=True,
                ),
                Panel(
                    "Lag, all values",
                    "How many clauses began how late.",
                    (Query(f"sum by (le) (increase(dragoman_lag_ms_bucket{PER}))", "{{le}}"),),
                    "ms",
                    "heatmap",
                ),
                Panel(
                    "Stages p95",
                    "endpoint: the silence after a sentence. queues: behind an earlier one. playback: until a pause.",
                    (Query(quantile(0.95, "dragoman_stage_ms", "stage"), "{{stage}}"),),
                    "ms",
                ),
                Panel(
                    "Targets missed",
                    "The share of deliveries past a target: stt 200, mt 100, tts_first 300, lag 900 ms.",
                    (
                        Query(
                            f"sum by (stage) (rate(dragoman_target_missed_total{PER}))"
                            " / ignoring (stage) group_left "
                            f'sum(rate(dragoman_deliveries_total{{outcome="played"}}{PER}))',
                            "{{stage}}",
                        ),
                    ),
                    "percentunit",
                ),
                Panel(
                    "Translation still to be heard",
                    "Seconds, for whoever is furthest behind; from 12 s on the oldest is dropped.",
                    (
                        Query("dragoman_backlog_seconds", "most"),
                        Query(quantile(0.95, "dragoman_listener_backlog_ms") + " / 1000", "p95"),
                    ),
                    "s",
                    limit=8,
                ),
            ),
        ),
        Row(
            "What is said and heard",
            (
                Panel(
                    "Clauses",
                    "Committed, a minute, by the language they were said in.",
                    (Query(f"60 * {per_second('dragoman_clauses_total', 'language')}", "{{language}}"),),
                    stacked=True,
                ),
                Panel(
                    "Deliveries",
                    "One clause to one listener, a minute: played, or dropped with why.",
                    (
                        Query(
                            f"60 * {per_second('dragoman_deliveries_total', 'outcome, reason')}",
                            "{{outcome}} {{reason}}",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Transcripts",
                    "What the recogniser said, a second: partial ones become final ones.",
                    (Query(per_second("dragoman_transcripts_total", "kind"), "{{kind}}"),),
                    "ops",
                ),
                Panel(
                    "Translations that lost something",
                    "The share in which a number, time, sum, name or negation is missing, as far as rules can tell.",
                    (
                        Query(
                            share('dragoman_translations_total{meaning="lost"}', "dragoman_translations_total"),
                            "lost",
                        ),
                    ),
                    "percentunit",
                    limit=0.1,
                ),
                Panel(
                    "What they lost",
                    "A minute.",
                    (Query(f"60 * {per_second('dragoman_meaning_lost_total', 'kind')}", "{{kind}}"),),
                    stacked=True,
                ),
                Panel(
                    "Work begun ahead",
                    "Before its clause was committed, a second; used is what saves time, cancelled what it costs.",
                    (Query(per_second("dragoman_speculations_total", "kind, fate"), "{{kind}} {{fate}}"),),
                    "ops",
                ),
            ),
        ),
        Row(
            "Sound",
            (
                Panel(
                    "Frames that arrive",
                    "50 a second from each phone.",
                    (Query(per_second("dragoman_frames_total", "job"), "frames"),),
                    "ops",
                ),
                Panel(
                    "Frames not listened to",
                    "A second, by why. hold and switched_off are as they should be.",
                    (Query(per_second("dragoman_frames_dropped_total", "reason"), "{{reason}}"),),
                    "ops",
                    stacked=True,
                ),
                Panel(
                    "Lost, of all",
                    "In: not listened to. Out: not taken by a listener's channel.",
                    (
                        Query(share(f"dragoman_frames_dropped_total{{{LOST}}}", "dragoman_frames_total"), "in"),
                        Query(share("dragoman_frames_refused_total", "dragoman_frames_total"), "out"),
                    ),
                    "percentunit",
                    limit=0.01,
                ),
                Panel(
                    "Echo",
                    "Voiced frames a second that were a phone's own echo of what it was sent.",
                    (Query(per_second("dragoman_echo_frames_total", "job"), "echo"),),
                    "ops",
                ),
                Panel(
                    "Lateness of the 20 ms clock",
                    "Of each tick of each call. Beyond 20 ms the sound gets gaps.",
                    quantiles("dragoman_tick_late_ms"),
                    "ms",
                    limit=20,
                ),
                Panel(
                    "What a tick takes",
                    "Of one call. All calls together have 20 ms.",
                    quantiles("dragoman_tick_work_ms"),
                    "ms",
                ),
                Panel(
                    "Queues",
                    "Items that wait, all calls together: sound, words, clauses, translations.",
                    (Query("dragoman_queue_depth", "{{queue}}"),),
                ),
                Panel(
                    "Moments skipped",
                    "Frames a second for which the call process came too late.",
                    (Query(per_second("dragoman_ticks_skipped_total", "job"), "skipped"),),
                    "ops",
                    limit=1,
                ),
            ),
        ),
    ),
)
