"""`serve --reload` with a small program in the service's place: started anew for each change, told what we are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller import cli

SUPERVISOR = """
import sys
from pathlib import Path
from controller.reloading import Reloading

sys.exit(Reloading([sys.executable, sys.argv[1]], [Path(sys.argv[2])]).run())
"""

PROGRAM = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
print({name!r}, flush=True)
print({name!r}, "is told", signal.Signals(signal.sigwait((signal.SIGINT, signal.SIGTERM))).name, flush=True)
sys.exit({code})
"""


class Editing:
    """A program that is edited while it is watched."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "program.py"
        self.stamp = 10**18
        self.write("first", 0)

    def write(self, name: str, code: int) -> None:
        self.save(PROGRAM.format(name=name, code=code))

    def save(self, text: str) -> None:
        """At another time than before, however coarse the file system's clock is."""
        new = self.program.with_suffix(".new")
        new.write_text(text)
        self.stamp += 10**9
        os.utime(new, ns=(self.stamp, self.stamp))
        new.replace(self.program)


@pytest.fixture
def editing(tmp_path: Path) -> Editing:
    return Editing(tmp_path)


@pytest.fixture
def supervisor(editing: Editing) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SUPERVISOR, str(editing.program), str(editing.program.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        guard = threading.Timer(60, process.kill)
        guard.start()
        try:
            yield process
        finally:
            guard.cancel()
            process.terminate()
            process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def warned(process: subprocess.Popen[str], word: str) -> bool:
    assert process.stderr is not None
    return any(word in line for line in iter(process.stderr.readline, ""))


def test_a_change_starts_it_anew_and_a_mistake_waits_for_the_next_one(
    editing: Editing, supervisor: subprocess.Popen[str]
) -> None:
    assert said(supervisor) == "first"
    editing.write("second", 0)
    assert said(supervisor) == "first is told SIGINT"
    assert said(supervisor) == "second"
    editing.save("this is no Python")
    assert said(supervisor) == "second is told SIGINT"
    assert warned(supervisor, "exit code 1")
    editing.write("third", 7)
    assert said(supervisor) == "third"
    supervisor.send_signal(signal.SIGTERM)
    assert said(supervisor) == "third is told SIGTERM"
    assert supervisor.wait(30) == 7


def test_it_ends_where_there_is_nothing_left_to_end(editing: Editing, supervisor: subprocess.Popen[str]) -> None:
    editing.save("raise SystemExit(3)")
    assert warned(supervisor, "exit code 3")
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(30) == 3


def test_the_command_watches_the_code_and_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[tuple[list[str], list[Path]]] = []

    class Fake:
        def __init__(self, command: list[str], watched: list[Path]) -> None:
            made.append((command, watched))

        def run(self) -> int:
            return 5

    monkeypatch.setattr("controller.reloading.Reloading", Fake)
    file = tmp_path / "dragoman.toml"
    assert cli.main(["-v", "serve", "--reload", "--config", str(file)]) == 5
    ((command, watched),) = made
    assert command == [sys.executable, "-m", "controller", "-v", "serve", "--config", str(file)]
    assert watched == [Path(cli.__file__).parent, file]
