"""`dragoman serve` as an operator runs it: called, listed, recorded; ended by a phone, a command, and SIGTERM twice."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from asterisk.render import Extension
from controller.stack.asterisk import AsteriskServer
from controller.stack.phone import SoftPhone
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from tests.left_behind import traces
from tests.scenarios.rig import STEP_S, short_turns
from tests.scenarios.served import dragoman, serving, until

EXTENSION = "201"


def test_calls_are_served_counted_recorded_and_ended_by_phone_command_and_signal(
    run: Run, triton: TritonServer, tmp_path: Path
) -> None:
    first, second = short_turns(["number-not-answering"], ["vm-tooshort"])
    with (
        SoftPhone(run, "b", second.pcm, seconds=120, auto_answer=True) as callee,
        AsteriskServer(run, extensions=[Extension(EXTENSION, "en", "es", f"PJSIP/phone/{callee.uri}")]) as asterisk,
        SoftPhone(run, "a", first.pcm, seconds=120) as caller,
        traces() as left,
        serving(left, asterisk, triton, tmp_path) as served,
    ):
        assert served.status("/livez") == 200
        assert "uvloop" in Path(f"/proc/{served.process.pid}/maps").read_text()
        assert served.metric("dragoman_calls") == 0
        caller.dial(asterisk.sip_uri(EXTENSION))
        until("the call is up", lambda: served.metric("dragoman_calls") == 1)
        until("it is listed", lambda: " a:en b:es " in dragoman("call", "list", "--url", served.url))
        name = dragoman("call", "list", "--url", served.url).split()[0]
        until(
            "both were interpreted",
            lambda: served.metric("dragoman_deliveries_total", outcome="played", reason="") >= 2,
        )
        assert served.metric("dragoman_clauses_total", language="en") >= 1
        assert served.metric("dragoman_clauses_total", language="es") >= 1
        assert served.metric("dragoman_frames_total") > 500, "two legs of more than 5 s"
        caller.hang_up()
        callee.wait_ended(STEP_S)
        until("the call is over", lambda: served.metric("dragoman_calls") == 0)
        assert served.metric("dragoman_calls_total", outcome="a") == 1

        caller.dial(asterisk.sip_uri(EXTENSION))
        caller.wait_established(STEP_S, call=2)
        until("the second call is listed", lambda: " a:en b:es " in dragoman("call", "list", "--url", served.url))
        second_call = dragoman("call", "list", "--url", served.url).split()[0]
        assert f"call {second_call}, up since" in dragoman("call", "show", second_call, "--url", served.url)
        assert dragoman("call", "end", second_call, "--url", served.url) == f"{second_call} has ended\n"
        for phone in (caller, callee):
            phone.wait_ended(STEP_S, call=2)
        assert served.metric("dragoman_calls_total", outcome="operator") == 1

        caller.dial(asterisk.sip_uri(EXTENSION))
        until("the third call is up", lambda: served.metric("dragoman_calls") == 1)
        caller.wait_established(STEP_S, call=3)
        served.process.send_signal(signal.SIGTERM)
        until("it takes no more calls", lambda: served.status("/readyz") == 503)
        assert served.metric("dragoman_calls") == 1, "the first signal ends no call"
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(STEP_S) == 0
        for phone in (caller, callee):
            phone.wait_ended(STEP_S, call=3)
        assert asterisk.channels() == []
        assert asterisk.bridges() == []
        assert left.processes() == []
        assert left.files() == []
    recordings = sorted((tmp_path / "recordings").iterdir())
    assert len(recordings) == 3
    said = [json.loads(line) for line in (tmp_path / "err").read_text().splitlines()]
    assert any(line.get("clause") == "a-1" and line["call"] == name and "lag" in line["message"] for line in said)
    assert all("text" not in line for line in said)
    for recording in recordings:
        assert " 0 different" in dragoman("replay", recording)
