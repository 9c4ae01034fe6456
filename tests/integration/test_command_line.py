"""Bad input and bad days at the command line: one clear sentence, exit 1, no traceback, nothing left running."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from controller.stack.wav import write_wav
from tests.left_behind import traces

ROOT = Path(__file__).resolve().parents[2]


def dragoman(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "controller", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def refused(*arguments: str | Path, **env: str) -> str:
    """The one sentence of a command that must fail."""
    with traces() as left:
        done = dragoman(*arguments, **{**left.env, **env})
        assert done.returncode == 1, done.stderr
        said = [line for line in done.stderr.splitlines() if line.startswith("dragoman: ")]
        assert len(said) == 1, done.stderr
        assert left.processes() == []
        assert left.files() == []
    return said[0]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    noise = np.random.default_rng(1).normal(0, 2000, 8000).astype(np.int16)
    write_wav(tmp_path / "fine.wav", noise, 8000)
    return tmp_path / "fine.wav"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"no sound at all, just text" * 10, "WAV"), (b"RIFF\x24\0\0\0WAVEfmt ", "cut short")],
)
def test_a_recording_that_cannot_be_used(content: bytes, words: str, recording: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(content)
    said = refused("demo", "--report", tmp_path / "r", "--caller", bad, "--callee", recording)
    assert "bad.wav" in said


def test_a_recording_that_is_not_there_and_one_without_the_other(recording: Path, tmp_path: Path) -> None:
    assert "none.wav" in refused("demo", "--report", tmp_path, "--caller", tmp_path / "none.wav", "--callee", recording)
    assert "both recordings" in refused("demo", "--report", tmp_path, "--caller", recording)


def test_languages_without_prompts(tmp_path: Path) -> None:
    assert "fr and de" in refused("demo", "--report", tmp_path, "--from", "fr", "--to", "de")


def test_nothing_set_up(tmp_path: Path, recording: Path) -> None:
    empty = {"DRAGOMAN_CACHE": str(tmp_path / "empty")}
    assert "make setup" in refused("demo", "--report", tmp_path / "r", **empty)
    own = ("demo", "--report", tmp_path / "r", "--caller", recording, "--callee", recording)
    assert "make setup" in refused(*own, **empty)
    done = dragoman("doctor", **empty)
    assert done.returncode == 1
    assert "MISSING" in done.stdout


def test_an_unknown_engine_or_pair_is_told_before_any_call(recording: Path, repository: Path, tmp_path: Path) -> None:
    common = ("demo", "--model-repository", repository, "--report", tmp_path / "r")
    own = ("--caller", recording, "--callee", recording)
    assert "no model nonesuch" in refused(*common, "--tts", "nonesuch")
    assert "no pair en -> ja" in refused(*common, *own, "--from", "en", "--to", "ja")


def test_serve_without_triton_without_asterisk_or_with_its_port_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{taken.getsockname()[1]}"  # bound, and not listening
        assert "127.0.0.1" in refused("serve", DRAGOMAN_TRITON__GRPC=closed, DRAGOMAN_API__PORT="0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert port in refused("serve", DRAGOMAN_API__PORT=port)


def test_serve_with_a_wrong_setting(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text("[vad]\nmode = 9\n")
    assert "vad.mode is 9" in refused("serve", "--config", file)
    assert "cannot be read" in refused("serve", "--config", tmp_path / "none.toml")
