"""promtool on what is shipped: the configuration and the rules are right, and each alert fires when it should."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from export.setup.cache import Cache
from export.setup.components import missing
from tests.requirements import require_or_skip
from tests.watching import PROMETHEUS, alerts

FIGURES = Path(__file__).with_name("alerts.yml")


@pytest.fixture(autouse=True)
def have_promtool() -> None:
    for one in missing(Cache.default(), ["prometheus"]):
        require_or_skip("prometheus", False, one.sentence)


def promtool(*words: str | Path) -> str:
    """What it says; it must be content."""
    done = subprocess.run([Cache.default().promtool, *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_configuration_and_rules_are_right() -> None:
    said = promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert f"{len(alerts())} rules found" in said, "not all of them are in the configuration"


def test_each_alert_is_quiet_while_all_is_well_and_fires_when_it_is_not() -> None:
    text = FIGURES.read_text()
    for alert in alerts():
        assert re.search(rf"eval_time: 10m, alertname: {alert.name}, exp_alerts: \[\]", text), "it is never quiet"
        assert re.search(rf"eval_time: 28m\n +alertname: {alert.name}\n +exp_alerts:\n +- ", text), "it never fires"
    promtool("test", "rules", FIGURES)
