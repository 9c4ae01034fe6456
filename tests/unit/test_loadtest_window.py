"""Load tests: a step as it is watched: what users got, frames of calls, processes and models from their own counts."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from loadtest.capacity import models, plan, processes, table
from loadtest.capacity.limits import Limits
from loadtest.capacity.stepping import Plan
from loadtest.capacity.window import Told, Window, calls, spread


def line(at: int, **more: Any) -> dict[str, Any]:
    """What the measured process says after `at` seconds of ten calls in which nothing is lost."""
    frames = at * 1000
    whole = {"up": 10, "ended": 0, "arrived": frames, "filled": 0, "dropped": 0, "frames_out": frames, "refused": 0,
             "skipped": 0, "tick_late_ms": 1.0, "queues": {"mt": 0}, "lags_ms": []}  # fmt: skip
    return {**whole, **more}


def a_run(tmp_path: Path) -> plan.Run:
    return plan.Run(
        "scripted",
        Plan(1, 1, 2, 1.0, 1.0),
        Limits({"lag": 900.0}, 0.01),
        str(tmp_path / "out.json"),
        processes={"controller": os.getpid()},
        told=str(tmp_path / "told"),
    )


def test_frames_are_those_between_the_first_line_and_the_last() -> None:
    found = calls([line(10, filled=500, skipped=7), line(11, filled=500, skipped=7), line(12, filled=520, skipped=8)])
    assert found["frames"]["lost_in"] == 20
    assert found["frames"]["dropped_in"] == round(20 / 2020, 5)
    assert found["frames"]["lost_out"] == 2, "a moment that is skipped is skipped for both phones"
    assert found["frames"]["dropped_out"] == round(2 / 2002, 5)


def test_a_frame_that_came_too_late_counts_once() -> None:
    found = calls([line(10), line(11, filled=30, dropped=30)])
    assert found["frames"]["lost_in"] == 30


def test_calls_that_are_up_are_the_fewest_there_were() -> None:
    found = calls([line(10, up=3), line(11, up=9, queues={"mt": 4}), line(12, queues={"mt": 2}, ended=1)])
    assert (found["up"], found["ended"], found["queues"]) == (9, 1, {"mt": 4})


def test_a_process_that_says_nothing_carries_nothing() -> None:
    assert calls([line(10)])["up"] == 0


def test_only_whole_lines_are_read_and_each_once(tmp_path: Path) -> None:
    file = tmp_path / "told"
    told = Told(file)
    assert told.new() == []
    file.write_text('{"a": 1}\n{"a": 2')
    assert told.new() == [{"a": 1}]
    with file.open("a") as more:
        more.write("2}\n")
    assert told.new() == [{"a": 22}]
    assert told.new() == []


def test_a_window_holds_what_came_while_it_was_open(tmp_path: Path) -> None:
    window, file = Window(a_run(tmp_path)), tmp_path / "told"
    window.got("lag", 5000.0)
    file.write_text(json.dumps(line(1, lags_ms=[4000.0])) + "\n")
    window.begin()
    window.late(3.0)
    with file.open("a") as more:
        more.write(json.dumps(line(2, lags_ms=[700.0, 800.0])) + "\n")
    assert window.look() == [700.0, 800.0]
    with file.open("a") as more:
        more.write(json.dumps(line(3, lags_ms=[900.0], ended=1)) + "\n")
    step = window.end(10)
    assert step["rows"]["lag"]["n"] == 3
    assert step["rows"]["lag"]["max"] == 900.0
    assert (step["up"], step["asked"], step["failed"]) == (10, 3, 1), "a call that ends by itself has failed"
    assert step["frames"]["in"] == 2000
    assert {"controller", "locust"} <= set(step["processes"])
    assert step["generator_late_ms"] == 3.0
    window.begin()
    assert window.end(10)["rows"] == {}, "a new window is empty"


def test_a_failure_is_no_time(tmp_path: Path) -> None:
    window = Window(plan.Run("speech", Plan(1, 1, 1, 1.0, 1.0), Limits(), str(tmp_path)))
    window.begin()
    window.got("first chunk", 40.0)
    window.got("first chunk", 9000.0, "no answer")
    window.also("gap", 10.0)
    step = window.end(1)
    assert (step["asked"], step["failed"], step["error"]) == (2, 1, "no answer")
    assert step["rows"]["first chunk"]["n"] == 1
    assert "up" not in step


def test_spread_gives_samples_that_there_were() -> None:
    assert spread([]) == {"p50": None, "p95": None, "p99": None, "max": None, "n": 0}
    assert spread([float(one) for one in range(100, 0, -1)]) == {"p50": 51, "p95": 96, "p99": 100, "max": 100, "n": 100}


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    run.write(tmp_path / "plan.json")
    assert plan.Run.read(tmp_path / "plan.json") == run


def test_the_busy_thread_of_a_busy_process_is_seen() -> None:
    pids = {"this": os.getpid(), "nobody": 2**22 + 1}
    before = processes.look(pids, time.monotonic())
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    after = processes.look(pids, before.at_s + 1.0)  # as if a second had passed
    costs = processes.between(before, after, os.cpu_count() or 1)
    assert set(costs.of) == {"this"}
    assert 0.2 < costs.of["this"].busiest_thread <= costs.of["this"].cores + 0.02
    assert costs.of["this"].rss_mb > 5
    assert costs.busy > 0


METRICS = """
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="whisper",version="1"} 30
nv_inference_exec_count{model="whisper",version="1"} 10
nv_inference_queue_duration_us{model="whisper",version="1"} 3000000
nv_inference_compute_infer_duration_us{model="whisper",version="1"} 6000000
nv_inference_request_success{model="pico",version="1"} 5
nv_inference_queue_summary_us{model="whisper",version="1",quantile="0.5"} 77
nv_cpu_utilization 0.5
"""


def test_models_by_their_own_counts() -> None:
    after = models.parse(METRICS)
    before = {"whisper": models.Counts(10, 5, 1e6, 2e6), "pico": after["pico"]}
    asked = models.between(before, after)
    assert set(asked) == {"whisper"}, "pico was asked nothing meanwhile"
    assert (asked["whisper"].queue_ms, asked["whisper"].compute_ms, asked["whisper"].batch) == (100.0, 200.0, 4.0)


def report(broke_at: int | None, *, tmp_path: Path) -> dict[str, Any]:
    window, file = Window(a_run(tmp_path)), tmp_path / "told"
    file.write_text(json.dumps(line(1)) + "\n")
    window.begin()
    with file.open("a") as more:
        more.write(json.dumps(line(2, lags_ms=[700.0])) + "\n")
    held = {**window.end(10), "broken": []}
    last = {**held, "users": 15, "broken": ["10 of 15 calls were up"]}
    return {"carried": 10, "broke_at": broke_at, "steps": [held, last] if broke_at else [held]}


@pytest.mark.parametrize(("least", "word"), [(10, "PASS"), (11, "FAIL")])
def test_the_table_tells_calls_against_lag_and_what_broke(least: int, word: str, tmp_path: Path) -> None:
    text = table.target("calls over SIP", report(15, tmp_path=tmp_path), least)
    assert "| 10 of 10 | 700 / 700 / 700 | 0.00% / 0.00% |" in text
    assert f"{word}: carries 10 (at least {least})." in text
    assert "Breaks at 15: 10 of 15 calls were up." in text
    assert "Bottleneck: " in text


def test_what_did_not_break_has_no_bottleneck(tmp_path: Path) -> None:
    text = table.target("calls over SIP", report(None, tmp_path=tmp_path), 1)
    assert "did not break" in text
    assert "Bottleneck" not in text


def test_what_locust_loads_needs_nothing_of_the_controllers_environment() -> None:
    code = "import loadtest.capacity.window, loadtest.capacity.limits, sys; print(*sys.modules)"
    import subprocess

    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"controller", "export", "asterisk", "numpy", "pydantic"}
