"""Bad input and bad days at the command line: one clear sentence, exit 1, no traceback, nothing left running."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from controller.stack.triton import TritonServer
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
    [
        (b"", "is empty"),
        (b"no sound at all, just text" * 10, "is not a WAV file"),
        (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0", "is cut short"),
    ],
)
def test_a_recording_that_cannot_be_used(content: bytes, words: str, recording: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(content)
    said = refused("demo", "--report", tmp_path / "r", "--caller", bad, "--callee", recording)
    assert f"bad.wav {words}" in said


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
    assert "no tts engine 'nonesuch'" in refused(*common, "--tts", "nonesuch")
    assert "no pair en -> ja" in refused(*common, *own, "--from", "en", "--to", "ja")


def test_a_report_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("kept")
    assert f"report folder {tmp_path / 'report'} cannot be made" in refused("demo", "--report", tmp_path / "report")
    assert (tmp_path / "report").read_text() == "kept"


@pytest.fixture
def closed() -> Iterator[str]:
    """An address at which nobody listens, and nobody else can."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def test_serve_without_triton(closed: str) -> None:
    said = refused("serve", DRAGOMAN_TRITON__GRPC=closed, DRAGOMAN_API__PORT="0")
    assert f"Triton is expected at {closed}" in said


def test_serve_without_asterisk(triton: TritonServer, closed: str) -> None:
    env = {"DRAGOMAN_TRITON__GRPC": triton.addresses.grpc, "DRAGOMAN_ASTERISK__URL": f"http://{closed}"}
    said = refused("serve", DRAGOMAN_API__PORT="0", **env)
    assert "Asterisk" in said
    assert f"http://{closed}" in said


def test_serve_with_its_port_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"cannot listen on 127.0.0.1:{port}" in refused("serve", DRAGOMAN_API__PORT=port)


def test_serve_with_a_wrong_setting(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text("[vad]\nmode = 9\n")
    assert "vad.mode is 9" in refused("serve", "--config", file)
    assert "cannot be read" in refused("serve", "--config", tmp_path / "none.toml")


def test_serve_with_a_wrong_variable() -> None:
    assert "vad" in refused("serve", DRAGOMAN_VAD="abc")
    assert "DRAGOMAN_VADD__MODE" in refused("serve", DRAGOMAN_VADD__MODE="3")
