"""The rules of the house that a program can check: what imports what."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL_RUNTIMES = ("torch", "onnxruntime", "ctranslate2", "transformers", "TTS", "speechbrain")

MOST_BYTES = 1_000_000
"""Of a file: what is larger is fetched or made, not committed."""

THEIRS = (
    *("loadtest/xtts/coqui.py", "loadtest/xtts/peer.py"),
    *("loadtest/encoders/brain.py", "loadtest/encoders/peer.py"),
)
"""Modules that run in a peer's environment only."""


def imports(folder: str) -> dict[str, set[str]]:
    """Every module of the house below `folder` with what it imports, wherever in the file it does."""
    found: dict[str, set[str]] = {}
    for file in sorted((ROOT / folder).rglob("*.py")):
        names: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
        found[str(file.relative_to(ROOT))] = names
    assert found
    return found


def offenders(folder: str, *forbidden: str) -> list[str]:
    return [
        f"{module} imports {name}"
        for module, names in imports(folder).items()
        for name in names
        if module not in THEIRS and any(name == one or name.startswith(f"{one}.") for one in forbidden)
    ]


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("controller", (*MODEL_RUNTIMES, "loadtest", "tests")),
        ("loadtest", (*MODEL_RUNTIMES, "tests")),
        *((folder, ("gevent", "locust")) for folder in ("controller", "export", "tests")),
        ("export/runtime", ("torch", "controller")),
        ("export/xtts", ("torch", "TTS", "transformers", "controller.cli", "controller.service")),
        (
            "export/gst",
            ("TTS", "speechbrain", "controller.cli", "controller.service", "export.xtts", "export.identity"),
        ),
        ("export/identity", ("torch", "speechbrain", "controller.cli", "controller.service", "export.xtts")),
        ("export/runtime/whisper", ("triton_python_backend_utils",)),
        ("export/runtime/pico", ("triton_python_backend_utils",)),
        ("export/runtime/apertium", ("triton_python_backend_utils",)),
        ("export/runtime/mt", ("triton_python_backend_utils",)),
        ("controller/meaning", ("asyncio", "controller.engines", "controller.pipeline", "controller.messages")),
        ("controller/telemetry", ("controller.pipeline", "controller.pbx", "controller.engines")),
        (
            "controller/pipeline",
            ("controller.pbx", "controller.service", "controller.triton", "controller.stack"),
        ),
        ("controller/pbx", ("controller.engines", "controller.pipeline", "controller.triton")),
        ("controller/engines", ("controller.pipeline", "controller.pbx")),
        ("controller/audio", ("controller.pipeline", "controller.engines", "controller.pbx", "asyncio")),
    ],
)
def test_a_room_knows_nothing_of(folder: str, forbidden: tuple[str, ...]) -> None:
    assert offenders(folder, *forbidden) == []


def test_what_patches_a_whole_process_is_loaded_by_locusts_files_alone() -> None:
    found = {module for module, names in imports("loadtest").items() for name in names if name in ("gevent", "locust")}
    assert found
    assert all(module.startswith("loadtest/capacity/users/") for module in found)
    controllers = (ROOT / "export/setup/requirements/controller.txt").read_text()
    assert "gevent" not in controllers


def test_the_call_process_loads_no_model_runtime() -> None:
    script = (
        "import sys, controller.cli, controller.service, controller.demo.run, controller.api.app\n"
        f"loaded = sorted(set(sys.modules) & set({MODEL_RUNTIMES!r}))\n"
        "assert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_no_file_is_long() -> None:
    long = [
        f"{file.relative_to(ROOT)}: {count}"
        for folder in ("controller", "export", "asterisk", "model_repository", "loadtest", "tests")
        for file in (ROOT / folder).rglob("*.py")
        if "weights" not in file.parts and (count := len(file.read_text().splitlines())) > 400
    ]
    assert long == []


def test_nothing_large_is_committed() -> None:
    """A core dump once was, for a moment: 528 MB that packed into five."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=False, cwd=ROOT)
    if listed.returncode:
        pytest.skip("this is no checkout: git knows no files here")
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    large = [str(one.relative_to(ROOT)) for one in files if one.is_file() and one.stat().st_size > MOST_BYTES]
    assert large == []
