"""The time line of a call as an SVG: waveforms of what each leg said and heard, clauses and deliveries beneath them.

It knows the fields of report.json, and nothing of the page around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import numpy as np

from controller.demo.script import voiced_span
from controller.frames import Pcm

_LANGUAGES: Final = {"en": "English", "es": "Spanish"}
_COLOURS: Final = 4
"""Accents in report.css, used in turn."""

_PX_PER_S: Final = 16
"""A call of the demo's length, 100 s, comes out about 1600 points wide; a longer one scrolls."""

_LEAST_WIDTH: Final = 640
_AXIS, _NAME, _WAVE, _BOX, _GAP = 20, 16, 48, 20, 8
"""Heights in pixels: the seconds, and a lane's name, waveform, boxes, and what parts it from the next."""

LANE: Final = _NAME + _WAVE + _BOX + _GAP
_QUIET: Final = 2000
"""The waveforms' scale is that of the loudest sample, but noise alone must not fill a lane."""


@dataclass(frozen=True, slots=True)
class Lane:
    """What one leg said, or heard, on the time line."""

    leg: str
    language: str
    kind: str
    """`spoke` or `heard`, as the tracks are named."""

    accent: int
    pcm: Pcm
    offset_s: float
    """When the recording began, on the call's clock."""

    top: int

    @property
    def name(self) -> str:
        return f"{self.leg.upper()} {'said' if self.kind == 'spoke' else 'heard'} ({language_name(self.language)})"


@dataclass(frozen=True, slots=True)
class _Box:
    """Something on a lane: a clause, a delivery, or the place where a delivery is missing."""

    start_s: float
    end_s: float
    label: str
    tooltip: str
    language: str
    accent: int
    kind: str
    """`clause`, `delivery` or `dropped`."""


def lanes_of(report: dict[str, Any], tracks: dict[str, dict[str, Pcm]], rate: int) -> list[Lane]:
    """Two lanes for each leg, said and heard, from the top down; a recording that is missing leaves its lane empty."""
    lanes: list[Lane] = []
    accents = _accents(report)
    for leg in report["legs"]:
        for kind in ("spoke", "heard"):
            pcm = tracks.get(leg["leg"], {}).get(kind, np.zeros(0, np.int16))
            # What a phone heard is recorded from about the call's start on: its clock is taken for the call's.
            offset = _spoke_offset_s(leg, pcm, rate) if kind == "spoke" else 0.0
            top = _AXIS + len(lanes) * LANE
            lanes.append(Lane(leg["leg"], leg["language"], kind, accents[leg["leg"]], pcm, offset, top))
    return lanes


def _spoke_offset_s(leg: dict[str, Any], pcm: Pcm, rate: int) -> float:
    """When what a leg said began to be played, on the call's clock.

    Approximate: the first voice found in the whole recording is taken for the start of the first thing said, whose
    own threshold was set by that prompt alone; a loud prompt later moves it by some 10 ms.
    """
    if not leg["said"] or not pcm.any():
        return 0.0
    return float(leg["said"][0]["start_s"]) - voiced_span(pcm, rate)[0]


def timeline(report: dict[str, Any], lanes: Sequence[Lane], rate: int) -> str:
    """The SVG element, as wide as the call is long; `rate` is that of all the recordings, in hertz."""
    ends = [lane.offset_s + len(lane.pcm) / rate for lane in lanes]
    ends += [clause["end_s"] for clause in report["clauses"]]
    ends += [one["last_audio_s"] for _, one in deliveries_of(report) if one["last_audio_s"] is not None]
    seconds = max(ends, default=0.0)
    width = max(_LEAST_WIDTH, int(seconds * _PX_PER_S) + 1)
    height = _AXIS + len(lanes) * LANE
    loudest = max((int(np.abs(lane.pcm.astype(np.int32)).max(initial=0)) for lane in lanes), default=0)
    scale = (_WAVE / 2) / max(loudest, _QUIET)
    accents = _accents(report)
    lines = [
        f'<svg class="timeline" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'data-pixels-per-second="{_PX_PER_S}" role="img" aria-label="Time line of the call">'
    ]
    for second in range(0, width // _PX_PER_S + 1, 5):
        x = second * _PX_PER_S
        lines.append(f'<path class="tick" d="M{x} {_AXIS - 4}V{height}"/>')
        if second % 10 == 0:
            lines.append(f'<text class="tick-text" x="{x + 3}" y="13">{second // 60}:{second % 60:02d}</text>')
    for lane in lanes:
        lines.append(f'<rect class="lane" y="{lane.top}" width="{width}" height="{LANE}"/>')
        if len(lane.pcm):
            lines.append(f'<path class="wave leg-{lane.accent}" d="{_wave(lane, rate, scale)}"/>')
        boxes = _clauses(report, lane) if lane.kind == "spoke" else _deliveries(report, lane, accents)
        lines += _boxes(boxes, lane.top + _NAME + _WAVE, width)
    lines.append('<g class="lane-names">')
    lines += [f'<text class="lane-name" x="4" y="{lane.top + 12}">{escape(lane.name)}</text>' for lane in lanes]
    lines.append(f'</g>\n<path class="playhead" d="M0 0V{height}"/>\n</svg>')
    return "\n".join(lines)


def _wave(lane: Lane, rate: int, scale: float) -> str:
    """The outline of the highest and lowest sample of each pixel, as the data of an SVG path."""
    starts = np.arange(0, len(lane.pcm), rate // _PX_PER_S)
    middle = lane.top + _NAME + _WAVE / 2
    high = middle - np.maximum.reduceat(lane.pcm, starts) * scale - 0.3
    low = middle - np.minimum.reduceat(lane.pcm, starts) * scale + 0.3  # silence stays a line
    x = np.rint(starts / rate * _PX_PER_S + lane.offset_s * _PX_PER_S).astype(int)
    outline = [*zip(x, high, strict=True), *zip(x[::-1], low[::-1], strict=True)]
    return f"M{'L'.join(f'{across} {down:.1f}' for across, down in outline)}Z"


def _clauses(report: dict[str, Any], lane: Lane) -> list[_Box]:
    return [
        _Box(
            clause["start_s"],
            clause["end_s"],
            clause["source"],
            f"{clause['id']}: {clause['source']}",
            lane.language,
            lane.accent,
            "clause",
        )
        for clause in report["clauses"]
        if clause["leg"] == lane.leg
    ]


def _deliveries(report: dict[str, Any], lane: Lane, accents: dict[str, int]) -> list[_Box]:
    boxes = []
    for clause, one in deliveries_of(report):
        if one["listener"] != lane.leg:
            continue
        # What was never heard has no place in time: it is marked where it was due, at the end of its clause.
        start = clause["end_s"] if one["first_audio_s"] is None else one["first_audio_s"]
        end = start if one["last_audio_s"] is None else one["last_audio_s"]
        text, kind = one["target"] or "", "delivery"
        tooltip = f"{clause['id']}: {text}"
        if one["outcome"] != "played":
            text, kind = f"{outcome_of(one)}: {text or clause['source']}", "dropped"
            tooltip = f"{clause['id']} {text}"
        elif one["lag_ms"] is not None:
            tooltip += f" (lag {milliseconds(one['lag_ms'])})"
        boxes.append(_Box(start, end, text, tooltip, one["language"], accents.get(clause["leg"], 0), kind))
    return boxes


def _boxes(boxes: list[_Box], top: int, width: int) -> Iterator[str]:
    """Boxes with their texts, each of which may run on until the next box begins."""
    ordered = sorted(boxes, key=lambda box: box.start_s)
    limits = [*(box.start_s * _PX_PER_S for box in ordered[1:]), float(width)]
    for box, limit in zip(ordered, limits, strict=False):
        x = box.start_s * _PX_PER_S
        wide = max((box.end_s - box.start_s) * _PX_PER_S, 6)
        look, words, indent = f"box {box.kind} leg-{box.accent}", "", 4
        if box.kind == "dropped":
            look, words, indent = "dropped-box", ' class="dropped-text"', 9
        yield (
            f'<g class="event-{box.kind}"><title>{escape(box.tooltip)}</title>'
            f'<rect class="{look}" x="{x:.1f}" y="{top + 1}" width="{wide:.1f}" height="{_BOX - 2}" rx="2"/>'
            f'<svg x="{x:.1f}" y="{top}" width="{max(limit - x - 2, 0):.1f}" height="{_BOX}">'
            f'<text x="{indent}" y="14" lang="{escape(box.language)}"{words}>{escape(box.label)}</text></svg></g>'
        )


def attribute(name: str, value: str) -> str:
    """An attribute of a tag with the space before it; nothing where it is empty."""
    return f' {name}="{escape(value)}"' if value else ""


def language_name(code: str) -> str:
    return _LANGUAGES.get(code, code)


def milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"


def _accents(report: dict[str, Any]) -> dict[str, int]:
    return {leg["leg"]: index % _COLOURS for index, leg in enumerate(report["legs"])}


def deliveries_of(report: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each delivery with its clause."""
    return ((clause, one) for clause in report["clauses"] for one in clause["deliveries"])


def outcome_of(one: dict[str, Any]) -> str:
    return f"{one['outcome']} ({one['reason']})" if one["reason"] else str(one["outcome"])
