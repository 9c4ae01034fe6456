"""The lock on the cache folder: a second set-up waits and says so, and a killed holder leaves it free."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

from export.setup.cache import REPOSITORY
from export.setup.lock import exclusive

HOLD = """
import sys
from pathlib import Path
from export.setup.lock import exclusive
with exclusive(Path(sys.argv[1]), print):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_one_waits_says_so_and_gets_it_when_the_holder_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        said: list[str] = []
        waiting, got = threading.Event(), threading.Event()

        def hear(line: str) -> None:
            said.append(line)
            waiting.set()

        def second() -> None:
            with exclusive(lock, hear):
                got.set()

        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        assert not got.is_set()
        holder.send_signal(signal.SIGKILL)
        assert got.wait(10)
        thread.join()
    assert said == [f"another set-up (process {holder.pid}) works in {tmp_path}: waiting for its end."]


def test_a_free_lock_is_taken_without_a_word(tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        with exclusive(tmp_path / "lock", said.append):
            pass
    assert said == []
