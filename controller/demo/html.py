"""A call's report as one page that can be sent to somebody: sound, waveforms, clauses and where their time went.

It knows the fields of report.json and nothing of how a call is made. The page needs no network and no other file.
"""

from __future__ import annotations

import base64
import hashlib
import statistics
import struct
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any, Final

from controller.audio.g711 import mulaw
from controller.demo.timeline import (
    LANE,
    Lane,
    attribute,
    deliveries_of,
    lanes_of,
    language_name,
    milliseconds,
    outcome_of,
    timeline,
)
from controller.frames import Pcm

STAGES: Final = ("endpoint", "stt", "mt", "tts_first", "queues", "playback")

_NAMES: Final = {
    "endpoint": "end of speech decided",
    "stt": "recognition",
    "mt": "translation",
    "tts_first": "first synthesised audio",
    "queues": "queues",
    "playback": "playback",
}
_NUMBERS: Final = ("At", "Lag", "At the ear", "From", "To")
"""Columns set to the right."""

_MULAW: Final = 7
"""WAVE_FORMAT_MULAW"""


def page(report: dict[str, Any], tracks: dict[str, dict[str, Pcm]], rate: int) -> str:
    """The report as an HTML page, whole in itself: about 43 kB for each second of a call with two legs.

    Args:
        report: what `controller.demo.report.build` makes.
        tracks: by leg, its recordings `spoke` and `heard`; an empty or missing one is left out.
        rate: of all the recordings, in hertz.
    """
    lanes = lanes_of(report, tracks, rate)
    script = _part("report.js")
    languages = " ↔ ".join(dict.fromkeys(language_name(leg["language"]) for leg in report["legs"]))
    # Only this very script may run, whatever is in the texts.
    digest = _base64(hashlib.sha256(script.encode()).digest())
    policy = f"default-src 'none'; style-src 'unsafe-inline'; media-src data:; script-src 'sha256-{digest}'"
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Interpreted call: {escape(languages)}</title>",
            f"<style>\n{_part('report.css')}</style>\n</head>\n<body>",
            f"<header>\n<h1>Interpreted call: {escape(languages)}</h1>\n{_facts(report)}\n</header>",
            f"<main>\n<h2>What was said and heard</h2>\n{_players(lanes, rate)}",
            f'<div class="scroller">\n{timeline(report, lanes, rate)}\n</div>',
            '<p class="note">Seconds on the call’s clock. Under what a side said: its clauses as recognised. Under '
            "what it heard: their translations, in the speaker’s colour. Where a recording begins is known to about "
            "0.1 s. Click to seek.</p>",
            f"<h2>Clauses and where their time went</h2>\n{_legend(report)}\n{_table(report)}",
            f"{_said(report)}\n</main>\n<script>{script}</script>\n</body>\n</html>\n",
        )
    )


def _part(name: str) -> str:
    return files("controller.demo").joinpath(name).read_text("utf-8")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


# The header


def _facts(report: dict[str, Any]) -> str:
    balance = report["conservation"]
    dropped = f"{balance['dropped']} dropped"
    if reasons := balance.get("dropped_by_reason"):
        dropped += f" ({', '.join(f'{reason}: {count}' for reason, count in reasons.items())})"
    facts = [
        *(("To know", one, True) for one in report.get("notes", ())),
        ("Deliveries", f"{balance['played']} of {balance['deliveries']} played, {dropped}", balance["dropped"] > 0),
        ("Lag, speech end to first sample", _quantiles(report["lag_ms"]), False),
    ]
    if report.get("ear_lag_ms", {}).get("n"):
        facts.append(("Lag at the ear", _quantiles(report["ear_lag_ms"]), False))
    rates = report.get("wer_recognised", {})
    for leg in report["legs"]:
        rate, lost = rates.get(leg["leg"]), leg["frames_dropped"]
        recognised = "word error rate not known" if rate is None else f"word error rate {rate * 100:.1f} %"
        speaks = f"{leg['leg'].upper()} speaks {language_name(leg['language'])}"
        facts.append((speaks, f"{recognised}; {leg['frames_in']} frames in, {lost} dropped", lost > 0))
    facts.append(("Engines", ", ".join(f"{kind} {name}" for kind, name in report["engines"].items()), False))
    if report.get("cores"):
        facts.append(("Cores", str(report["cores"]), False))
    if report.get("ended"):
        facts.append(("Ended by", str(report["ended"]), False))
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd{attribute('class', 'bad' if wrong else '')}>{escape(value)}</dd></div>\n"
        for name, value, wrong in facts
    )
    return f'<dl class="facts">\n{items}</dl>'


def _quantiles(of: dict[str, Any]) -> str:
    if not of.get("n"):
        return "nothing measured"
    return f"p50 {milliseconds(of['p50'])}, p95 {milliseconds(of['p95'])}, max {milliseconds(of['max'])}"


# The sound


def _players(lanes: Sequence[Lane], rate: int) -> str:
    figures = "".join(
        f'<figure class="leg-{lane.accent}"><figcaption>{escape(lane.name)}</figcaption>'
        f'<audio controls preload="metadata" data-offset="{lane.offset_s:.3f}" data-top="{lane.top}" '
        f'data-bottom="{lane.top + LANE}" src="data:audio/wav;base64,{_base64(_wav(lane.pcm, rate))}">'
        "</audio></figure>\n"
        for lane in lanes
        if len(lane.pcm)
    )
    return f'<div class="players">\n{figures}</div>'


def _wav(pcm: Pcm, rate: int) -> bytes:
    """A mono WAV of G.711 mu-law, half the size of 16 bits and what the phones spoke anyway; browsers play it."""
    data = mulaw(pcm)
    form = struct.pack("<4sIHHIIHHH", b"fmt ", 18, _MULAW, 1, rate, rate, 1, 8, 0)
    fact = struct.pack("<4sII", b"fact", 4, len(data))
    body = form + fact + struct.pack("<4sI", b"data", len(data)) + data + b"\0" * (len(data) % 2)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WAVE") + body


# The table


def _colour(stage: str) -> str:
    return f"stage-{stage if stage in STAGES else 'other'}"


def _legend(report: dict[str, Any]) -> str:
    items = []
    for stage in STAGES:
        passed = [one["stages_ms"][stage] for _, one in deliveries_of(report) if stage in one["stages_ms"]]
        median = f", median {milliseconds(statistics.median(passed))}" if passed else ""
        swatch = (
            f'<svg viewBox="0 0 1 1" aria-hidden="true"><rect class="{_colour(stage)}" width="1" height="1"/></svg>'
        )
        items.append(f"<li>{swatch}{escape(_NAMES[stage])}{median}</li>\n")
    return f'<ul class="legend">\n{"".join(items)}</ul>'


def _table(report: dict[str, Any]) -> str:
    if not report["clauses"]:
        return "<p>No clause was recognised in this call.</p>"
    ears = any(one["ear_s"] is not None for _, one in deliveries_of(report))
    longest = max((sum(_widths(one).values()) for _, one in deliveries_of(report)), default=0.0)
    names = ["Clause", "At", "Source", "Target", "Lag", *(["At the ear"] if ears else []), "Outcome", "Stages"]
    rows = []
    for clause in report["clauses"]:
        for one in clause["deliveries"] or [None]:
            cells = [
                ("id", "", escape(clause["id"])),
                ("number", "", f"{clause['start_s']:.1f} s"),
                ("", clause.get("language", ""), escape(clause["source"])),
            ]
            if one is None:
                cells += [("", "", ""), ("number", "", ""), *([("number", "", "")] if ears else [])]
                cells += [("", "", "nobody to deliver it to"), ("bar-cell", "", "")]
            else:
                ear = None if one["ear_s"] is None else (one["ear_s"] - clause["end_s"]) * 1000
                cells += [
                    ("", one["language"], escape(one["target"] or "") + _lost(one)),
                    ("number", "", milliseconds(one["lag_ms"])),
                ]
                cells += [("number", "", milliseconds(ear))] if ears else []
                cells.append(("bad" if one["outcome"] != "played" else "", "", escape(outcome_of(one))))
                cells.append(("bar-cell", "", _bar(clause, one, longest)))
            lost = one is not None and one["outcome"] != "played"
            rows.append(f"<tr{attribute('class', 'dropped' if lost else '')}>{_cells(names, cells)}</tr>\n")
    table = _grid(names, rows)
    return f'<div class="tables">\n{table}\n</div>'


def _lost(one: dict[str, Any]) -> str:
    """What a translation seems to have lost."""
    words = ", ".join(f"{lost['kind']} “{lost['what']}”" for lost in one.get("lost", ()))
    return f" <em class='bad' lang='en'>(perhaps lost: {escape(words)})</em>" if words else ""


def _grid(names: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th{attribute('class', 'number' if name in _NUMBERS else '')}>{name}</th>" for name in names)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody>\n</table>"


def _cells(names: Sequence[str], cells: Sequence[tuple[str, str, str]]) -> str:
    """Cells of a class, a language and content that is HTML already."""
    return "".join(
        f'<td{attribute("class", kind)}{attribute("lang", spoken)} data-name="{name}">{content}</td>'
        for name, (kind, spoken, content) in zip(names, cells, strict=True)
    )


def _widths(one: dict[str, Any]) -> dict[str, float]:
    return {stage: max(0.0, value) for stage, value in one["stages_ms"].items()}


def _bar(clause: dict[str, Any], one: dict[str, Any], longest: float) -> str:
    """The stages end to end, the same scale in every row: the longest delivery is 1000 units."""
    numbers = ", ".join(f"{stage} {value:.1f} ms" for stage, value in one["stages_ms"].items()) or "no stage was passed"
    at, segments = 0.0, ""
    for stage, value in _widths(one).items():
        wide = value * 1000 / longest if longest else 0.0
        segments += f'<rect class="{_colour(stage)}" x="{at:.2f}" width="{wide:.2f}" height="16"/>'
        at += wide
    return (
        f'<svg class="bar" viewBox="0 0 1000 16" preserveAspectRatio="none" role="img" '
        f'data-delivery="{escape(clause["id"])}/{escape(one["listener"])}" aria-label="{escape(numbers)}">'
        f"<title>{escape(numbers)}</title>{segments}</svg>"
    )


def _said(report: dict[str, Any]) -> str:
    names = ["Side", "From", "To", "Text"]
    rows = []
    for leg in report["legs"]:
        for one in leg["said"]:
            known = one["text"] is not None
            cells = [
                ("id", "", escape(leg["leg"].upper())),
                ("number", "", f"{one['start_s']:.2f} s"),
                ("number", "", f"{one['end_s']:.2f} s"),
                ("", leg["language"] if known else "", escape(one["text"]) if known else "<em>not known</em>"),
            ]
            rows.append(f"<tr>{_cells(names, cells)}</tr>\n")
    if not rows:
        return ""
    table = _grid(names, rows)
    return f"<details>\n<summary>What the recordings say</summary>\n{table}\n</details>"
