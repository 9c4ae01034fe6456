"""Load tests: the command's exit code, what is written, and the words that SIPp and perf_analyzer are given."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from controller.errors import StackError
from controller.stack.wav import PHONE_RATE
from loadtest.capacity import __main__ as command
from loadtest.capacity import perf, plan, sipp
from loadtest.capacity.limits import Limits
from loadtest.capacity.stepping import Plan
from loadtest.capacity.targets import TARGETS, Missing, Place, Target
from loadtest.frames.speech import track


def told(carried: int) -> tuple[dict[str, Any], str]:
    return {"carried": carried, "broke_at": None, "steps": []}, ""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the command is given, and what loading each target comes to."""
    came: dict[str, Any] = {"scripted": told(30), "legs": told(40), "out": tmp_path / "out"}

    def load(target: Target, place: Place) -> tuple[dict[str, Any], str]:
        result: tuple[dict[str, Any], str] | Exception = came[target.name]
        came[f"{target.name} target"] = target
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(command, "_load", load)
    return came


def run(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["loadtest", "--out", str(asked["out"]), "--targets", "scripted,legs", *words])
    code = command.main()
    return code, (asked["out"] / "table.md").read_text()


def test_all_that_carry_enough_are_a_success(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    code, table = run(asked, monkeypatch)
    assert code == 0
    assert table.count("PASS: carries") == 2


def test_one_that_carries_less_fails_the_command(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    asked["scripted"] = told(29)
    code, table = run(asked, monkeypatch)
    assert code == 1
    assert "FAIL: carries 29 (at least 30)." in table
    assert run(asked, monkeypatch, "--least", "29")[0] == 0


def test_one_that_cannot_be_loaded_does_not_stop_the_others(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked["scripted"] = StackError("SIPp is missing.")
    code, table = run(asked, monkeypatch)
    assert code == 2
    assert "Could not be loaded: SIPp is missing." in table
    assert "PASS: carries 40" in table


def test_what_is_not_here_is_left_out_and_said(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    asked["legs"] = Missing("no model has weights")
    code, table = run(asked, monkeypatch)
    assert code == 0
    assert "Left out: no model has weights." in table


def test_steps_are_the_targets_own_but_for_those_named(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    run(asked, monkeypatch, "--first", "2", "--hold", "5")
    own, steps = TARGETS["scripted"].steps, asked["scripted target"].steps
    assert steps == Plan(2, own.by, own.most, own.settle_s, 5.0)


def test_sipps_scenarios_end_when_the_other_side_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sipp, "prompts", lambda *_: [("text", np.full(PHONE_RATE, 1000, np.int16))])
    from export.setup.cache import Cache

    sipp.prepare(Cache(tmp_path), tmp_path)
    for name, methods in (("caller", ["INVITE", "ACK"]), ("called", [])):
        text = (tmp_path / f"{name}.xml").read_text(encoding="latin-1")
        root = ElementTree.fromstring(re.sub(r"<!DOCTYPE.*?>", "", text).encode("latin-1"))
        assert re.findall(r"^ +(INVITE|ACK) ", text, re.MULTILINE) == methods
        assert list(root)[-2].get("request") == "BYE"
        assert (sound := re.search(r'rtp_stream="(.*?),-1,0,PCMU/8000"', text)) is not None
        assert Path(sound[1]).stat().st_size > PHONE_RATE, "a byte a sample"


def test_a_track_at_a_phones_rate_is_whole_frames() -> None:
    said = track([np.ones(801, np.int16)], rounds=2, rate=PHONE_RATE)
    assert len(said) % (PHONE_RATE // 50) == 0
    assert len(said) > 2 * 801


def test_perf_analyzer_is_left_out_where_it_is_not_to_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "left out" in perf.beside(a_run("speech"), tmp_path)


def test_what_perf_analyzer_prints_stands_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / perf.PROGRAM
    program.write_text('#!/bin/sh\necho "asked: $*"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = perf.beside(a_run("speech"), tmp_path)
    assert "asked: -m pico -u host:8001 -i grpc" in said
    assert "--streaming" in said
    (request,) = json.loads((tmp_path / "speech-perf.json").read_text())["data"]
    assert set(request) == {"TEXT", "LANGUAGE", "SAMPLE_RATE"}


def a_run(target: str) -> plan.Run:
    return plan.Run(target, Plan(1, 1, 1, 1.0, 1.0), Limits(), "out", triton="host:8001", model="pico")
