"""The demo as a process with two short recordings, for tests in which something of it dies."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from controller.demo.script import prompts
from controller.stack.wav import PHONE_RATE, write_wav
from export.setup.cache import Cache
from tests.left_behind import Traces

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 180.0


def start(left: Traces, repository: Path, folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """A demo whose report goes to `folder`, and what it prints to `out` and `err` there."""
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "controller", "demo"),
                *("--report", str(folder), "--model-repository", str(repository), *options),
            ],
            env=left.env,
            stdout=out,
            stderr=err,
            cwd=ROOT,
            start_new_session=True,
        )


def wait_for(demo: subprocess.Popen[bytes], file: Path, words: str) -> None:
    """Wait until the demo has printed `words`; fails where it ends before."""
    deadline = time.monotonic() + LIMIT_S
    while words not in file.read_text():
        assert demo.poll() is None and time.monotonic() < deadline, file.with_name("err").read_text()
        time.sleep(0.1)


def recordings(folder: Path) -> list[str]:
    """A says a sentence at once, B one eight seconds later: when a server that was killed meanwhile is gone."""
    cache = Cache.default()
    ((_, first),) = prompts(cache.prompts, "en", ["number-not-answering"])
    ((_, second),) = prompts(cache.prompts, "es", ["vm-tooshort"])
    write_wav(folder / "a.wav", first, PHONE_RATE)
    write_wav(folder / "b.wav", np.concatenate([np.zeros(8 * PHONE_RATE, np.int16), second]), PHONE_RATE)
    return ["--caller", str(folder / "a.wav"), "--callee", str(folder / "b.wav")]
