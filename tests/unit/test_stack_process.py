"""A run's processes: marked, ended by pid, reaped even when the run itself is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.errors import StackError
from controller.stack import reaper
from controller.stack.process import Run

PYTHON = sys.executable
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


def wait_until(condition: Callable[[], object], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def test_a_run_ends_all_it_started_children_of_children_too() -> None:
    with Run() as run:
        sleeper = f"[{PYTHON!r}, '-c', 'import time; time.sleep(600)']"
        run.spawn(
            "parent", [PYTHON, "-c", f"import subprocess as s; s.Popen({sleeper}, start_new_session=True).wait()"]
        )
        wait_until(lambda: len(reaper.marked(run.mark)) == 2)
        mark, scratch = run.mark, run.scratch
        region = Path(f"/dev/shm/{mark}-region")
        region.write_bytes(b"shared")
    assert reaper.marked(mark) == []
    assert not scratch.exists()
    assert not region.exists()


def test_one_that_ignores_a_polite_end_is_killed() -> None:
    with Run() as run:
        child = run.spawn("stubborn", [PYTHON, "-c", STUBBORN])
        wait_until(lambda: "up" in child.log_tail())
        assert child.stop(grace_s=0.2) == -signal.SIGKILL


def test_one_that_is_given_no_time_is_not_asked_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk once got as far as hanging up a phone between the two signals of its sudden death."""
    asked: list[int] = []
    monkeypatch.setattr(subprocess.Popen, "send_signal", lambda self, number: asked.append(number))
    with Run() as run:
        child = run.spawn("sleeper", [PYTHON, "-c", "import time; print('up', flush=True); time.sleep(600)"])
        wait_until(lambda: "up" in child.log_tail())
        assert child.stop(grace_s=0) == -signal.SIGKILL
        assert asked == []


def test_a_program_that_is_not_there_is_told() -> None:
    with Run() as run, pytest.raises(StackError, match=r"nonesuch cannot be started.*make setup"):
        run.spawn("nonesuch", ["/nonexistent/nonesuch"])


def test_a_relative_folder_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative report folder once reached Asterisk's configuration, which was then read from elsewhere."""
    monkeypatch.chdir(tmp_path)
    with Run(Path("logs")) as run:
        assert run.folder == tmp_path / "logs"


def test_after_kill_9_of_the_run_its_reaper_ends_everything(tmp_path: Path) -> None:
    script = (
        "import sys, time; from controller.stack.process import Run\n"
        "run = Run()\n"
        f"child = run.spawn('stubborn', [sys.executable, '-c', {STUBBORN!r}])\n"
        "print(run.mark, run.scratch, flush=True); time.sleep(600)"
    )
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.Popen([PYTHON, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root)
    assert killed.stdout is not None
    mark, scratch = killed.stdout.readline().split()
    wait_until(lambda: reaper.marked(mark))
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    wait_until(lambda: not reaper.marked(mark) and not Path(scratch).exists())
