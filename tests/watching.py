"""What Grafana and Prometheus are given, read as the tests need it: the panels' queries, the alerts, names of metrics.

Rules are read line by line, for no reader of YAML is among what tests have; that Prometheus reads the same is tested.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from export.setup.cache import REPOSITORY

BOARDS: Final = REPOSITORY / "docker/grafana/dashboards"
PROMETHEUS: Final = REPOSITORY / "docker/prometheus"
RULES: Final = PROMETHEUS / "rules/dragoman.yml"

_ALERT: Final = re.compile(
    r"- alert: (\w+)\n +expr: (.+)\n(?: +for: \w+\n)? +labels: .+\n"
    r' +annotations:\n +summary: "(.+)"\n +runbook_url: (\S+)'
)
_SELECTOR: Final = re.compile(r"\b((?:dragoman|nv)_\w+|up)\b(\{[^}]*\})?")


@dataclass(frozen=True, slots=True)
class Asked:
    """A panel's query."""

    panel: str
    """Board and title."""

    expr: str

    @property
    def gpu(self) -> bool:
        """Whether its panel is marked as one that has nothing to show without a GPU."""
        return self.panel.partition(": ")[2].startswith("GPU")


@dataclass(frozen=True, slots=True)
class Alert:
    name: str
    expr: str
    summary: str
    runbook: str

    @property
    def gpu(self) -> bool:
        return self.name.startswith("Gpu")


def asked() -> list[Asked]:
    """Every query of every dashboard."""
    return [
        Asked(f"{file.stem}: {panel['title']}", target["expr"])
        for file in sorted(BOARDS.glob("*.json"))
        for panel in json.loads(file.read_text())["panels"]
        for target in panel.get("targets", ())
    ]


def alerts() -> list[Alert]:
    return [Alert(*found) for found in _ALERT.findall(RULES.read_text())]


def selectors(expr: str) -> set[str]:
    """Every metric that an expression names, with the labels that it asks for."""
    return {f"{name}{labels}" for name, labels in _SELECTOR.findall(expr)}


def metrics(expr: str) -> set[str]:
    """Every metric that an expression names."""
    return {name for name, _ in _SELECTOR.findall(expr)}


def headings(page: Path) -> set[str]:
    """What one can link to in a page of ours."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in found}
