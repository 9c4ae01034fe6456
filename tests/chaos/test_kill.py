"""`kill -9` of the demo at any moment: nothing of it stays, and the next one works.

CHAOS_TIMES moments are picked at random (2 unless it is set): the first, third, ... while it sets itself up or little
later, the others inside its call.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from controller.stack.ports import is_free
from tests.chaos import short_demo
from tests.left_behind import Traces, shared_memory, traces

SEED = int(os.environ.get("CHAOS_SEED", "7"))
TIMES = int(os.environ.get("CHAOS_TIMES", "2"))

SET_UP_S = (0.3, 8.0)
"""After the start; the call is up after about 6 s."""

IN_CALL_S = (1.0, 12.0)
"""After the call was placed; the packaged demo's lasts longer than a minute."""

GONE_S = 30.0


def kill(demo: subprocess.Popen[bytes], left: Traces) -> tuple[set[int], set[str]]:
    """SIGKILL, and assert that everything is gone within GONE_S; the ports and marks that there were before."""
    assert demo.poll() is None, "the demo ended by itself before it could be killed"
    ports, marks = left.ports(), left.marks()
    demo.send_signal(signal.SIGKILL)
    demo.wait()
    deadline = time.monotonic() + GONE_S
    while (left.processes() or left.files()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left.processes()] == []
    assert left.files() == []
    assert shared_memory(marks) == []
    assert [port for port in ports if not is_free(port)] == []
    return ports, marks


@pytest.mark.parametrize("number", range(1, TIMES + 1))
def test_nothing_is_left(number: int, have_asterisk: None, repository: Path, tmp_path: Path) -> None:
    in_call = number % 2 == 0
    after_s = random.Random(SEED + number).uniform(*(IN_CALL_S if in_call else SET_UP_S))
    with traces() as left:
        demo = short_demo.start(left, repository, tmp_path)
        if in_call:
            short_demo.wait_for(demo, tmp_path / "err", "calling: ")
        time.sleep(after_s)
        ports, marks = kill(demo, left)
    if in_call:
        assert len(ports) >= 5, "Triton's three, Asterisk's, the API's: not all was up, and the test proves little"
        assert marks


def test_the_next_one_works(have_asterisk: None, repository: Path, tmp_path: Path) -> None:
    own = short_demo.recordings(tmp_path)
    with traces() as left:
        demo = short_demo.start(left, repository, tmp_path, *own)
        short_demo.wait_for(demo, tmp_path / "out", " ms)")
        kill(demo, left)
        assert not (tmp_path / "report.json").exists()
        again = short_demo.start(left, repository, tmp_path, *own)
        assert again.wait(short_demo.LIMIT_S) == 0, (tmp_path / "err").read_text()
        assert left.processes() == []
        assert left.files() == []
    report = json.loads((tmp_path / "report.json").read_text())
    heard = {
        one["listener"] for clause in report["clauses"] for one in clause["deliveries"] if one["outcome"] == "played"
    }
    assert heard == {"a", "b"}
