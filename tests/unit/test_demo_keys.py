"""`make demo STT=deepgram MT=deepl` without their keys: nothing is started, and who reads what is printed can go on."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from controller.cli import main

KEYS = {"deepgram": "DEEPGRAM_API_KEY", "deepl": "DEEPL_AUTH_KEY"}
OFFLINE = {"deepgram": "leave STT=deepgram out", "deepl": "leave MT=deepl out"}


def said(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """The lines of a demo that must not begin."""
    report = folder / "report"
    assert main(["demo", "--report", str(report), "--model-repository", str(folder), *options]) == 1
    assert not report.exists(), "it had begun"
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()


NEEDS_SDK = pytest.mark.skipif(find_spec("deepgram") is None, reason="deepgram-sdk is not installed")


@pytest.mark.usefixtures("own_entry_points")
@pytest.mark.parametrize(
    "missing", [("deepgram", "deepl"), ("deepgram",), pytest.param(("deepl",), marks=NEEDS_SDK)], ids=" and ".join
)
def test_each_key_that_is_missing_is_named_and_how_to_do_without(
    missing: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("controller.demo.run._parts", lambda options: {})
    for engine, variable in KEYS.items():
        if engine in missing:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, "a-key")
    lines = said(tmp_path, capsys, "--stt", "deepgram", "--mt", "deepl")
    assert len(lines) == len(missing)
    assert lines[0].startswith("dragoman: The engine ")
    for line, engine in zip(lines, missing, strict=True):
        assert KEYS[engine] in line
        assert OFFLINE[engine] in line
