"""`dragoman serve` as an operator runs it: a process of its own, watched over HTTP, for the scenarios that need one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from controller.stack.asterisk import AsteriskServer
from controller.stack.triton import TritonServer
from tests.left_behind import Traces

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 90.0

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

    def ask(self, path: str, fields: dict[str, Any]) -> int:
        """The HTTP status of a request that begins something."""
        request = urllib.request.Request(
            self.url + path, json.dumps(fields).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
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
def serving(
    left: Traces, asterisk: AsteriskServer, triton: TritonServer, folder: Path, more: str = ""
) -> Iterator[Served]:
    """The service, ready for calls; `more`: tables of its settings besides CONFIGURATION's."""
    file, errors = folder / "dragoman.toml", folder / "err"
    file.write_text(
        CONFIGURATION.format(
            url=asterisk.ari_url.rstrip("/"),
            user=asterisk.ari_user,
            password=asterisk.ari_password,
            grpc=triton.addresses.grpc,
            folder=folder / "recordings",
        )
        + more
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
