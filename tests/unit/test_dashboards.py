"""Dashboards and alerts name metrics that exist, panels have their places, and every alert says what to do."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any, Final

import pytest

from controller.dashboards.boards import BOARDS
from controller.dashboards.grafana import COLUMNS, render
from export.setup.cache import REPOSITORY
from tests import watching
from tests.watching import alerts, asked, headings, metrics

HISTOGRAM: Final = ("bucket", "sum", "count")

_DOCUMENTED: Final = """
    nv_inference_request_success nv_inference_request_failure nv_inference_count nv_inference_exec_count
    nv_inference_request_duration_us nv_inference_queue_duration_us nv_inference_compute_input_duration_us
    nv_inference_compute_infer_duration_us nv_inference_compute_output_duration_us
    nv_inference_pending_request_count nv_inference_request_summary_us nv_inference_queue_summary_us
    nv_inference_compute_input_summary_us nv_inference_compute_infer_summary_us
    nv_inference_compute_output_summary_us nv_cpu_utilization nv_cpu_memory_total_bytes nv_cpu_memory_used_bytes
    nv_gpu_power_usage nv_gpu_power_limit nv_energy_consumption nv_gpu_utilization nv_gpu_memory_total_bytes
    nv_gpu_memory_used_bytes nv_cache_num_hits_per_model nv_cache_num_misses_per_model
"""
TRITON: Final = frozenset(_DOCUMENTED.split())
"""What Triton's documentation of metrics lists, as far as 2.51 has it (summaries: with our FLAGS)."""


def told_by_the_controller() -> set[str]:
    """What its code makes, in Prometheus's names."""
    made = re.compile(r'(counter|gauge|histogram|GaugeMetricFamily)\(\s*"(dragoman_\w+)"')
    found = [one for file in (REPOSITORY / "controller").rglob("*.py") for one in made.findall(file.read_text("utf-8"))]
    assert len(found) > 20, "the code was not understood"
    return {
        name
        for kind, one in found
        for name in ([f"{one}_{end}" for end in HISTOGRAM] if kind == "histogram" else [one])
    }


def told_by_the_models() -> set[str]:
    """What our models tell on Triton's port."""
    names: set[str] = set()
    for file in (REPOSITORY / "model_repository").glob("*/1/model.py"):
        text = file.read_text("utf-8")
        histograms = set(re.findall(r'"(dragoman_\w+)": ', text))
        others = set(re.findall(r"\b(dragoman_\w+)=", text)) - histograms
        names |= others | {f"{one}_{end}" for one in histograms for end in HISTOGRAM}
    assert "dragoman_whisper_queue_depth" in names, "the models were not understood"
    return names


KNOWN: Final = told_by_the_controller() | told_by_the_models() | TRITON | {"up"}


@pytest.mark.parametrize("panel", sorted({one.panel for one in asked()}))
def test_a_panel_names_metrics_that_exist(panel: str) -> None:
    named = {name for one in asked() if one.panel == panel for name in metrics(one.expr)}
    assert named
    assert named <= KNOWN


@pytest.mark.parametrize("alert", alerts(), ids=lambda one: one.name)
def test_an_alert_names_metrics_that_exist_and_a_section_that_says_what_to_do(alert: watching.Alert) -> None:
    assert metrics(alert.expr)
    assert metrics(alert.expr) <= KNOWN
    page, _, anchor = alert.runbook.partition("#")
    assert anchor == alert.name.lower()
    assert anchor in headings(REPOSITORY / page)


def test_all_alerts_were_read() -> None:
    text = watching.RULES.read_text()
    assert len(alerts()) == text.count("- alert:") > 20
    assert len({one.name for one in alerts()}) == len(alerts())


def test_what_needs_a_gpu_is_marked_and_nothing_else() -> None:
    everything: list[watching.Asked | watching.Alert] = [*asked(), *alerts()]
    for one in everything:
        assert one.gpu == bool(re.search(r"nv_gpu_|dragoman_xtts_", one.expr)), one


def test_the_dashboards_are_those_of_the_code() -> None:
    written = {file.stem: file.read_text("utf-8") for file in watching.BOARDS.glob("*.json")}
    assert written == {board.name: render(board) for board in BOARDS}, "run `make dashboards`"


@pytest.mark.parametrize("board", BOARDS, ids=lambda one: one.name)
def test_panels_have_places_of_their_own_and_ask_the_chosen_prometheus(board: Any) -> None:
    told = json.loads(render(board))
    panels = told["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= COLUMNS
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${datasource}"
            assert target["expr"].count("(") == target["expr"].count(")")
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        apart = any(one[at] + one[size] <= other[at] or other[at] + other[size] <= one[at] for at, size in ("xw", "yh"))
        assert apart, "two panels overlap"
    (variable,) = told["templating"]["list"]
    assert (variable["type"], variable["name"]) == ("datasource", "datasource")
    assert told["uid"] == f"dragoman-{board.name}"
