"""`kill -9` of the demo at any moment: nothing of it stays, and the next one works.

CHAOS_TIMES moments are picked at random (2 unless it is set), from right after the start to the middle of the call.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from controller.stack.ports import is_free
from tests.left_behind import shared_memory, traces

SEED = int(os.environ.get("CHAOS_SEED", "7"))
TIMES = int(os.environ.get("CHAOS_TIMES", "2"))
LAST_S = 20.0
"""The demo's call is up after about 6 s."""

UP_S = 12.0
GONE_S = 30.0


@pytest.mark.parametrize("moment", range(TIMES))
def test_nothing_is_left(moment: int, have_asterisk: None, repository: Path, tmp_path: Path) -> None:
    after_s = random.Random(SEED + moment).uniform(0.3, LAST_S)
    with traces() as left:
        demo = subprocess.Popen(
            [sys.executable, "-m", "controller", "demo", "--report", tmp_path, "--model-repository", repository],
            env=left.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(after_s)
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
        if after_s > UP_S:
            assert ports and marks, "nothing was up yet: the test proves nothing at this moment"
