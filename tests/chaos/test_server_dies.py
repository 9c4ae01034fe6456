"""A server of the demo dies in the middle of its call: the report is written, and the exit code says what happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from controller.demo.script import prompts
from controller.stack.wav import PHONE_RATE, write_wav
from export.setup.cache import Cache
from tests.left_behind import Traces, traces

LIMIT_S = 180.0


def find(left: Traces, program: str) -> int | None:
    for pid in left.processes():
        try:
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(part.endswith(program.encode()) for part in argv[:6]):
            return pid
    return None


def recordings(folder: Path) -> list[str]:
    """A says a sentence at once, B one eight seconds later: when the server that was killed is gone."""
    cache = Cache.default()
    ((_, first),) = prompts(cache.prompts, "en", ["number-not-answering"])
    ((_, second),) = prompts(cache.prompts, "es", ["vm-tooshort"])
    write_wav(folder / "a.wav", first, PHONE_RATE)
    write_wav(folder / "b.wav", np.concatenate([np.zeros(8 * PHONE_RATE, np.int16), second]), PHONE_RATE)
    return ["--caller", str(folder / "a.wav"), "--callee", str(folder / "b.wav")]


def demo_without(program: str, repository: Path, folder: Path) -> tuple[int, str, dict[str, object]]:
    """Run the demo and kill `program` once the first translation was heard."""
    with traces() as left, (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        demo = subprocess.Popen(
            [
                *(sys.executable, "-m", "controller", "demo", "--report", folder, "--model-repository", repository),
                *recordings(folder),
            ],
            env=left.env,
            stdout=out,
            stderr=err,
            cwd=Path(__file__).resolve().parents[2],
        )
        deadline = time.monotonic() + LIMIT_S
        while " ms)" not in (folder / "out").read_text():
            assert demo.poll() is None and time.monotonic() < deadline, (folder / "err").read_text()
            time.sleep(0.1)
        pid = find(left, program)
        assert pid is not None, f"there is no {program}"
        os.kill(pid, signal.SIGKILL)
        code = demo.wait(LIMIT_S)
        assert left.processes() == []
        assert left.files() == []
    said = (folder / "err").read_text()
    assert "Traceback" not in said, said
    return code, said, json.loads((folder / "report.json").read_text())


def test_asterisk_dies(have_asterisk: None, repository: Path, tmp_path: Path) -> None:
    code, said, report = demo_without("/usr/sbin/asterisk", repository, tmp_path)
    assert code == 1
    assert "Asterisk went away" in said
    balance = report["conservation"]
    assert isinstance(balance, dict)
    assert balance["deliveries"] == balance["played"] + balance["dropped"] >= 1


def test_triton_dies(have_asterisk: None, repository: Path, tmp_path: Path) -> None:
    code, said, report = demo_without("bin/tritonserver", repository, tmp_path)
    assert code == 1
    assert "heard no translation" in said
    assert report["ended"] in ("a", "b"), "the call went on to its end with the original voices"
