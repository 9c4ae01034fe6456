"""What the figures must keep, and the table that says whether they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Bound:
    """One figure and the most that it may be."""

    name: str
    path: tuple[str, ...]
    """Where it is in the report."""

    most: float
    unit: str = "ms"
    _: KW_ONLY
    part: str | None = None
    """What must have been run for it; None: it is in every report."""

    minus: tuple[str, ...] | None = None
    """Another figure that is taken from it first."""


def _direction(name: str) -> list[Bound]:
    offline = ("offline", name)
    on_and_on = (*offline, "continuous")
    return [
        Bound(f"{name} continuous: lag p50", (*on_and_on, "lag_ms", "p50"), 1500, part="continuous"),
        Bound(f"{name} continuous: backlog p95", (*on_and_on, "backlog_s", "p95"), 4.0, "s", part="continuous"),
        Bound(f"{name} continuous: words dropped", (*on_and_on, "words_dropped"), 0.01, "%", part="continuous"),
        Bound(
            f"{name}: heard again, beyond the clean synthesis",
            (*offline, "wer_heard_again"),
            0.03,
            "%",
            part="turns",
            minus=(*offline, "wer_clean_synthesis"),
        ),
    ]


BOUNDS: Final = (
    Bound("en-es turns: lag p50", ("offline", "en-es", "lag_ms", "p50"), 700, part="turns"),
    Bound("en-es turns: lag p95", ("offline", "en-es", "lag_ms", "p95"), 1200, part="turns"),
    Bound("es-en turns: lag p50", ("offline", "es-en", "lag_ms", "p50"), 900, part="turns"),
    *_direction("en-es"),
    *_direction("es-en"),
    Bound("en: word error rate recognised", ("offline", "en-es", "wer_recognised"), 0.08, "%", part="turns"),
    Bound("es: word error rate recognised", ("offline", "es-en", "wer_recognised"), 0.22, "%", part="turns"),
    Bound("scripted engines: lag p95", ("scripted", "lag_ms", "p95"), 640, part="scripted"),
    Bound("scripted engines: by the marks, p95", ("scripted", "ear_lag_ms", "p95"), 700, part="scripted"),
    Bound("report against recording: p95", ("report_against_recording_ms", "p95"), 60),
)


def judge(report: dict[str, Any], bounds: Sequence[Bound] = BOUNDS) -> list[dict[str, Any]]:
    """Every bound with its figure. `ok` is None for a part that was not run, False for one that gave no figure."""
    judged = []
    for bound in bounds:
        value = _at(report, bound.path)
        if bound.minus is not None and value is not None:
            other = _at(report, bound.minus)
            value = None if other is None else value - other
        run = bound.part is None or bound.part in report["parts"]
        ok = None if not run else value is not None and value <= bound.most
        judged.append({"name": bound.name, "value": value, "most": bound.most, "unit": bound.unit, "ok": ok})
    return judged


def table(judged: Sequence[dict[str, Any]]) -> str:
    """The bounds as lines of text."""
    wide = max(len(one["name"]) for one in judged)
    lines = []
    for one in judged:
        word = {True: "PASS", False: "FAIL", None: "not run"}[one["ok"]]
        value = "-" if one["value"] is None else _number(one["value"], one["unit"])
        lines.append(f"{one['name']:<{wide}}  {value:>10}  (<= {_number(one['most'], one['unit'])})  {word}")
    return "\n".join(lines)


def _number(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value * 100:.1f} %"
    return f"{value:.1f} s" if unit == "s" else f"{value:.0f} ms"


def _at(report: dict[str, Any], path: tuple[str, ...]) -> float | None:
    """The figure, if there is one."""
    found: Any = report
    for name in path:
        if not isinstance(found, dict) or name not in found:
            return None
        found = found[name]
    return None if found is None else float(found)
