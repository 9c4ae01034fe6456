"""Boards in the words of Grafana 10 and later: JSON for import and for provisioning alike.

Which Prometheus is asked is a variable of the board, at first the one that Grafana asks by default.
"""

from __future__ import annotations

import json
from string import ascii_uppercase
from typing import Any, Final

from controller.dashboards.panels import Board, Panel, Row

SCHEMA: Final = 39
"""Grafana 10's; a newer one brings it up to date by itself."""

COLUMNS: Final = 24
HEIGHTS: Final = {"stat": 4, "state-timeline": 7, "timeseries": 8, "heatmap": 8}
"""In rows of 30 pixels."""

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def render(board: Board) -> str:
    """The dashboard as JSON, a panel a line, so that a change is seen where it was made."""
    panels = ",\n".join(json.dumps(panel, ensure_ascii=False) for panel in _placed(board.rows))
    rest = json.dumps(_board(board), ensure_ascii=False, indent=1).removesuffix("\n}")
    return f'{rest},\n "panels": [\n{panels}\n ]\n}}\n'


def _board(board: Board) -> dict[str, Any]:
    return {
        "uid": f"dragoman-{board.name}",
        "title": board.title,
        "description": board.text,
        "tags": ["dragoman"],
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "schemaVersion": SCHEMA,
        "time": {"from": "now-30m", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [{"type": "dashboards", "title": "Dragoman", "tags": ["dragoman"], "asDropdown": True}],
        "templating": {
            "list": [{"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus"}]
        },
    }


def _placed(rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    """All panels with their places: from left to right, and on below what is highest."""
    placed: list[dict[str, Any]] = []
    x = y = height = 0

    def place(panel: dict[str, Any], width: int, high: int) -> None:
        nonlocal x, y, height
        if x + width > COLUMNS:
            x, y, height = 0, y + height, 0
        grid = {"x": x, "y": y, "w": width, "h": high}
        placed.append({"id": len(placed) + 1, "gridPos": grid, **panel})
        x, height = x + width, max(height, high)

    for row in rows:
        x = COLUMNS  # a heading begins a line of its own
        place({"type": "row", "title": row.title, "collapsed": False, "panels": []}, COLUMNS, 1)
        for panel in row.panels:
            place(_panel(panel), panel.width, HEIGHTS[panel.kind])
    return placed


def _panel(panel: Panel) -> dict[str, Any]:
    targets = [
        {
            "refId": letter,
            "datasource": SOURCE,
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            **({"format": "heatmap"} if panel.kind == "heatmap" else {}),
        }
        for letter, query in zip(ascii_uppercase, panel.queries, strict=False)
    ]
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel),
    }


def _field(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    if panel.least is not None:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": panel.least}]
    field: dict[str, Any] = {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.words:
        words = {str(value): {"text": word, "color": colour} for value, word, colour in panel.words}
        field["mappings"] = [{"type": "value", "options": words}]
    if panel.kind == "timeseries":
        field["custom"] = {
            "fillOpacity": 20 if panel.stacked else 0,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none"},
            "thresholdsStyle": {"mode": "off" if panel.limit is None else "line"},
        }
    return field


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "background", "graphMode": "area"}
    if panel.kind == "state-timeline":
        return {"mergeValues": True, "showValue": "auto", "legend": {"showLegend": False}}
    if panel.kind == "heatmap":
        return {"calculate": False, "yAxis": {"unit": panel.unit}, "color": {"scheme": "Oranges"}}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
