"""A real call is recorded; `dragoman replay` of the file decides the same, twice."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from controller.engines import Engines
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from tests.fakes.fake_engines import fake_engines
from tests.scenarios.rig import Rig, short_turns

KEY = "a key of this test"


def recorded(run: Run, folder: Path, triton: TritonServer | None, engines: Engines | None, key: str = "") -> Rig:
    async def main() -> Rig:
        parts = short_turns(["number-not-answering", "check-number-dial-again"], ["please-try-again", "vm-tooshort"])
        recorder = {"enabled": True, "consent": "always", "folder": folder, "key": key}
        async with Rig(run, triton, [parts], engines=engines, settings={"recorder": recorder}) as rig:
            rig.dial()
            await rig.delivered(4)
            rig.callees[0].hang_up()
            await rig.watch.over()
        return rig

    return asyncio.run(main())


def replayed(folder: Path, **env: str) -> str:
    """What the command says of the one recording there; it must find no difference."""
    (file,) = folder.glob("*.flight")
    done = subprocess.run(
        [sys.executable, "-m", "controller", "replay", file],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_call_with_scripted_engines(run: Run, tmp_path: Path) -> None:
    rig = recorded(run, tmp_path, None, fake_engines())
    first = replayed(tmp_path)
    assert first == replayed(tmp_path)
    commits = len(rig.seen.clauses) + len(rig.seen.deliveries)
    assert first.splitlines()[-1] == f"{commits} commits, {commits} the same, 0 different"


def test_a_call_with_the_offline_models_encrypted(run: Run, triton: TritonServer, tmp_path: Path) -> None:
    rig = recorded(run, tmp_path, triton, None, KEY)
    first = replayed(tmp_path, DRAGOMAN_RECORDER__KEY=KEY)
    assert first == replayed(tmp_path, DRAGOMAN_RECORDER__KEY=KEY)
    for clause in rig.seen.clauses:
        assert f"{clause.id} [{clause.language}] {clause.text}  (same)" in first
    (file,) = tmp_path.glob("*.flight")
    assert b"number" not in file.read_bytes()
