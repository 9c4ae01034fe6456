"""A server of the demo dies in the middle of its call: the report is written, and the exit code says what happened."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from tests.chaos import short_demo
from tests.left_behind import Traces, traces


def find(left: Traces, program: str) -> int | None:
    for pid in left.processes():
        try:
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(part.endswith(program.encode()) for part in argv[:6]):
            return pid
    return None


def demo_without(program: str, repository: Path, folder: Path) -> tuple[int, str, dict[str, object]]:
    """Run the demo and kill `program` once the first translation was heard."""
    with traces() as left:
        demo = short_demo.start(left, repository, folder, *short_demo.recordings(folder))
        short_demo.wait_for(demo, folder / "out", " ms)")
        pid = find(left, program)
        assert pid is not None, f"there is no {program}"
        os.kill(pid, signal.SIGKILL)
        code = demo.wait(short_demo.LIMIT_S)
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
