"""Recognisers, translators and voices: which of them work, how fast, and what takes over."""

from __future__ import annotations

from typing import Final

from controller.dashboards.boards.words import PER, per_second
from controller.dashboards.panels import Board, Panel, Query, Row


def _stage(stage: str) -> tuple[Query, ...]:
    rate = f'sum by (le) (rate(dragoman_stage_ms_bucket{{stage="{stage}"}}{PER}))'
    return tuple(Query(f"histogram_quantile({q}, {rate})", f"p{q * 100:g}") for q in (0.5, 0.95))


ENGINES: Final = Board(
    "engines",
    "Dragoman: engines",
    "Recognisers, translators and voices. One that fails is left alone for a while; the next in its chain is asked.",
    (
        Row(
            "Who is asked",
            (
                Panel(
                    "State",
                    "Asked; tried by one request; or left alone, since it failed or was slow too often.",
                    (Query("dragoman_breaker_state", "{{kind}} {{engine}}"),),
                    kind="state-timeline",
                    words=((0, "asked", "green"), (1, "tried", "yellow"), (2, "left alone", "red")),
                    width=12,
                ),
                Panel(
                    "Listeners who hear the original only",
                    "No engine is left for them.",
                    (Query("dragoman_bypassed_listeners", "now"),),
                    limit=1,
                    width=6,
                ),
                Panel(
                    "Time without translation",
                    "Seconds of listeners, a minute.",
                    (Query(f"60 * {per_second('dragoman_bypassed_seconds_total', 'job')}", "without"),),
                    "s",
                    width=6,
                ),
                Panel(
                    "Work done well",
                    "Pieces of work a second by each engine of a chain.",
                    (Query(per_second("dragoman_engine_answers_total", "engine, kind"), "{{kind}} {{engine}}"),),
                    "ops",
                    width=6,
                ),
                Panel(
                    "Failures",
                    "A second, by what they were.",
                    (
                        Query(
                            per_second("dragoman_engine_errors_total", "engine, kind, error"),
                            "{{kind}} {{engine}} {{error}}",
                        ),
                    ),
                    "ops",
                    stacked=True,
                    width=6,
                ),
                Panel(
                    "Given to the next",
                    "Pieces of work a second at which one failed or was slow.",
                    (
                        Query(
                            per_second("dragoman_failovers_total", "kind, engine, to"), "{{kind}} {{engine}} > {{to}}"
                        ),
                    ),
                    "ops",
                    stacked=True,
                    width=6,
                ),
                Panel(
                    "Changes of state",
                    "How often an engine was left alone, tried, and asked again, a minute.",
                    (
                        Query(
                            f"60 * {per_second('dragoman_breaker_changes_total', 'engine, kind, state')}",
                            "{{kind}} {{engine}} {{state}}",
                        ),
                    ),
                    width=6,
                ),
            ),
        ),
        Row(
            "How fast",
            (
                Panel(
                    "Recognition",
                    "From the decided end of a sentence to its words. Target 200 ms.",
                    _stage("stt"),
                    "ms",
                    limit=200,
                ),
                Panel("Translation", "Of a clause. Target 100 ms.", _stage("mt"), "ms", limit=100),
                Panel(
                    "First sound",
                    "From asking a voice to its first sound. Target 300 ms.",
                    _stage("tts_first"),
                    "ms",
                    limit=300,
                ),
            ),
        ),
        Row(
            "Translators",
            (
                Panel(
                    "Translations",
                    "A minute, by engine, and whether anything seems to be lost in them.",
                    (
                        Query(
                            f"60 * {per_second('dragoman_translations_total', 'engine, meaning')}",
                            "{{engine}} {{meaning}}",
                        ),
                    ),
                    stacked=True,
                    width=6,
                ),
                Panel(
                    "Second opinions",
                    "Translators asked since another had lost something, a minute, and what came of it.",
                    (
                        Query(
                            f"60 * {per_second('dragoman_second_opinions_total', 'asked, outcome')}",
                            "{{asked}} {{outcome}}",
                        ),
                    ),
                    stacked=True,
                    width=6,
                ),
                Panel(
                    "DeepL's quota",
                    "Characters of the account in this billing period, all its users.",
                    (Query("dragoman_deepl_quota_characters", "{{what}}"),),
                    width=6,
                ),
                Panel(
                    "DeepL's characters",
                    "Billed to us, a minute; and texts a minute that were known already (hit), or not (miss).",
                    (
                        Query(f"60 * {per_second('dragoman_deepl_characters_total', 'job')}", "characters"),
                        Query(f"60 * {per_second('dragoman_deepl_cache_total', 'outcome')}", "{{outcome}}"),
                    ),
                    width=6,
                ),
            ),
        ),
    ),
)
