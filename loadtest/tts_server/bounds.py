"""What the figures must keep, and the tables for a person. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from loadtest.frames.report import Bound
from loadtest.tts_server.rows import PEER

LEAST_ROUNDS: Final = 5
"""With fewer, medians say nothing."""

LEAST_FIRST: Final = 4.0
LEAST_GAPLESS: Final = 6.0
MOST_P50: Final = 2.5
MOST_MAX: Final = 4.0
LEAST_TOKENS: Final = 5.0
MOST_RSS_MB: Final = 1200.0


def judge(report: Mapping[str, Any], engine: str) -> list[Bound]:
    """Every bound on `engine` for which this report has the rows."""
    by = {(one["engine"], one["streams"], one["arrivals"]): one for one in report["rows"]}
    alone, peer = by.get((engine, 1, "at_once")), by.get((PEER, 1, "at_once"))
    four, eight = by.get((engine, 4, "300ms")), by.get((engine, 8, "at_once"))
    bounds = []
    if alone and peer:
        for what, name, least in (
            ("first audio, one stream, times sooner than coqui-tts's", "first_audio_ms", LEAST_FIRST),
            ("gapless start, one stream, times sooner", "gapless_start_ms", LEAST_GAPLESS),
        ):
            bounds.append(_at_least(what, peer[name]["p50"] / alone[name]["p50"], least))
    if alone and four:
        usual = alone["first_audio_ms"]["p50"]
        for name, most in (("p50", MOST_P50), ("max", MOST_MAX)):
            ratio = four["first_audio_ms"][name] / usual
            what = f"first audio, four arrivals 300 ms apart, {name} of one alone"
            bounds.append(Bound(what, f"{ratio:.2f}", f"<= {most:g}", ratio <= most))
    if eight and peer:
        what = "tokens/s, eight streams, vocoding included, of coqui-tts's"
        bounds.append(_at_least(what, eight["tokens_per_s"] / peer["tokens_per_s"], LEAST_TOKENS))
    if report["server_rss_mb"] is not None and report["kv_slots_mb"] is not None:
        beside = report["server_rss_mb"] - report["kv_slots_mb"]
        what = "memory of the model's process beside keys and values"
        bounds.append(Bound(what, f"{beside:.0f} MB", f"< {MOST_RSS_MB:g} MB", beside < MOST_RSS_MB))
    if report["tokens"] is not None:
        said = sorted({count for one in report["rows"] for count in one["each"]["tokens"]})
        holds = said == [report["tokens"]]
        bounds.append(Bound("tokens of each utterance", ", ".join(map(str, said)), f"{report['tokens']}", holds))
    rounds = report["rounds"]
    bounds.append(Bound("rounds", f"{rounds}", f">= {LEAST_ROUNDS}", rounds >= LEAST_ROUNDS))
    return bounds


def _at_least(what: str, ratio: float, least: float) -> Bound:
    return Bound(what, f"{ratio:.2f}", f">= {least:g}", ratio >= least)


HEADS: Final = (
    "engine",
    "arrivals",
    "concurrency",
    "first chunk ms avg/p50/p90/p95/p99",
    "second chunk ms p50/p95",
    "gapless start ms p50/p95",
    "gap ms p50/max",
    "tokens/s",
    "RTF",
)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """In the form of NVIDIA's recipes for speech on Triton: a line for each concurrency; Markdown."""
    lines = [HEADS, tuple("---" for _ in HEADS)]
    for one in rows:
        line = (
            one["engine"],
            one["arrivals"].replace("_", " "),
            str(one["streams"]),
            _figures(one["first_audio_ms"], "avg", "p50", "p90", "p95", "p99"),
            _figures(one["second_chunk_ms"], "p50", "p95"),
            _figures(one["gapless_start_ms"], "p50", "p95"),
            _figures(one["gap_ms"], "p50", "max"),
            f"{one['tokens_per_s']:.1f}",
            f"{one['rtf']:.2f}",
        )
        lines.append(line)
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEADS))]
    return "\n".join(
        "| " + " | ".join(word.ljust(wide) for word, wide in zip(line, widths, strict=True)) + " |" for line in lines
    )


def _figures(spread: Mapping[str, Any], *names: str) -> str:
    return " / ".join("-" if spread[name] is None else f"{spread[name]:.0f}" for name in names)


def quicker(one: Mapping[str, Any]) -> str:
    """How far a quicker vocoder would carry a row, in a sentence; empty where nobody counted its seconds."""
    work = one["work"]
    if work is None:
        return ""
    rates = work["computed_tokens_per_s"].items()
    computed = ", ".join(f"{rate:.0f} with a {name}" for name, rate in rates if rate is not None)
    return (
        f"{one['engine']}, {one['streams']} at once: {work['vocoder_share']:.0%} of the time went into the vocoder, "
        f"{work['steps_share']:.0%} into steps, {work['prompts_share']:.0%} into prompts. "
        f"{one['tokens_per_s']:.0f} tokens/s; computed, not measured: {computed}."
    )


def verdicts(bounds: Sequence[Bound], *, meant: bool) -> str:
    """`meant`: whether these figures mean anything; otherwise none is said to PASS or FAIL."""
    wide = max(len(one.what) for one in bounds)
    words = {True: "PASS", False: "FAIL"} if meant else {True: "----", False: "----"}
    return "\n".join(f"{words[one.holds]}  {one.what:<{wide}}  {one.measured} (bound {one.bound})" for one in bounds)
