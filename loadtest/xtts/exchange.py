"""Engines in processes of their own, each in its environment, told by lines of JSON what to do next.

One is told at a time, so that what is measured has the machine to itself. Knows neither engine.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from export.setup.cache import REPOSITORY


class EngineFailed(Exception):
    """An engine's process ended; it has said why."""


class Engine:
    """One engine's process; ended with the `with` block."""

    def __init__(self, name: str, python: Path, module: str, *words: str) -> None:
        self.name = name
        print(f"{name}: loading", file=sys.stderr)
        variables = {"PYTHONPATH": str(REPOSITORY), "ORT_DISABLE_TELEMETRY": "1", "TRANSFORMERS_VERBOSITY": "error"}
        self._process = subprocess.Popen(
            [python, "-W", "ignore", "-m", module, *words],
            cwd=REPOSITORY,
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready = self._answer()
        """What it says of itself."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def do(self, what: str, **arguments: Any) -> dict[str, Any]:
        """Raises EngineFailed where it cannot."""
        assert self._process.stdin is not None
        try:
            print(json.dumps({"do": what, **arguments}), file=self._process.stdin, flush=True)
        except BrokenPipeError as error:
            raise EngineFailed(f"{self.name} has ended") from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EngineFailed(f"{self.name} has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


def serve(ready: Mapping[str, Any], actions: Mapping[str, Callable[..., dict[str, Any]]]) -> int:
    """Be an engine: do what the lines say until there are no more. What libraries print goes to stderr."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps(ready), file=out, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(actions[asked.pop("do")](**asked)), file=out, flush=True)
    return 0


def forget_peak(process: int | str = "self") -> None:
    """Count a process's greatest memory from now on: this one's, or another one's by its number."""
    Path(f"/proc/{process}/clear_refs").write_text("5")


def peak_mb(process: int | str = "self") -> float:
    """The greatest resident memory of a process since `forget_peak`, megabytes.

    Raises:
        EngineFailed: the other process has ended.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError as error:
        raise EngineFailed(f"process {process} has ended") from error
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1e3
    if process != "self":
        raise EngineFailed(f"process {process} has ended")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
