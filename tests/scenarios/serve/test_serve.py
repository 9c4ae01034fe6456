"""`dragoman serve` as an operator runs it: a process of its own, watched over HTTP and ended with SIGTERM."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from asterisk.render import Extension
from controller.stack.asterisk import AsteriskServer
from controller.stack.phone import SoftPhone
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from tests.left_behind import Traces, traces
from tests.scenarios.rig import STEP_S, short_turns

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 90.0
EXTENSION = "201"

CONFIGURATION = """
[asterisk]
url = "{url}"
user = "{user}"
password = "{password}"

[triton]
grpc = "{grpc}"
stt_deadline_s = 20
mt_deadline_s = 20
first_chunk_s = 20

[api]
port = 0

[logging]
format = "json"
level = "info"

[recorder]
enabled = true
consent = "always"
folder = "{folder}"
"""


class Served:
    """The process and what it serves."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def status(self, path: str) -> int:
        """The HTTP status of a page."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over the samples that have these labels."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        found = [line for line in lines if re.match(rf"{name}[{{ ]", line) and all(one in line for one in wanted)]
        return sum(float(line.rpartition(" ")[2]) for line in found)


def dragoman(*words: str | Path) -> str:
    """What a command says; it must succeed."""
    command = [sys.executable, "-m", "controller", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def until(what: str, holds: Callable[[], bool]) -> None:
    """Wait for a condition; fails, naming it, when it does not come."""
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {LIMIT_S:g} s: {what}"
        time.sleep(0.1)


@contextmanager
def serving(left: Traces, asterisk: AsteriskServer, triton: TritonServer, folder: Path) -> Iterator[Served]:
    """The service, ready for calls."""
    file, errors = folder / "dragoman.toml", folder / "err"
    file.write_text(
        CONFIGURATION.format(
            url=asterisk.ari_url.rstrip("/"),
            user=asterisk.ari_user,
            password=asterisk.ari_password,
            grpc=triton.addresses.grpc,
            folder=folder / "recordings",
        )
    )
    command = [sys.executable, "-m", "controller", "serve", "--config", str(file)]
    with (
        errors.open("w") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=left.env, cwd=ROOT) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert match, line + errors.read_text()
            served = Served(process, match[0])
            until("it is ready", lambda: served.status("/readyz") == 200)
            yield served
            assert "Traceback" not in errors.read_text(), errors.read_text()
        finally:
            process.kill()


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
