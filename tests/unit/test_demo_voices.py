"""A demo whose engine clones: each side's words in that side's own voice, random weights told, missing ones too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.cli import main
from controller.demo import voices
from controller.demo.html import page
from controller.demo.script import Part, Said
from controller.engines.registry import EngineContext
from controller.engines.tts import DEFAULT
from controller.engines.tts.xtts_v2 import make
from controller.errors import AudioFileError, UsageError
from controller.frames import Pcm
from controller.settings import TritonSettings
from controller.stack.wav import PHONE_RATE, write_wav
from controller.triton.contracts import Latents
from controller.virtual_time import run
from controller.voices.latents import read
from export.folder import SCHEMA
from tests.fakes.fake_triton import FakeTriton
from tests.unit.test_demo_html import REPORT, TRACKS

STRUCTURAL: Mapping[str, Any] = {"structural": "full", "seed": 3}


def part(level: int, *spans: tuple[float, float], seconds: float = 60.0) -> Part:
    """Silence with something said in it."""
    pcm = np.zeros(round(seconds * PHONE_RATE), np.int16)
    for start, end in spans:
        pcm[round(start * PHONE_RATE) : round(end * PHONE_RATE)] = level
    return Part(pcm, tuple(Said(None, start, end) for start, end in spans) or (Said(None, 1.2, 1.2),))


def exported(repository: Path, source: Mapping[str, Any], *models: str) -> Path:
    """`repository` with what exports leave beside weights."""
    for model in models or (voices.ENGINE, voices.CONDITIONING):
        folder = repository / model / "1" / "weights"
        folder.mkdir(parents=True)
        files = {"conditioning.onnx": {"sha256": "ab12"}}
        (folder / "export.json").write_text(json.dumps({"schema": SCHEMA, "source": source, "files": files}))
    return repository


def test_a_voice_is_made_of_what_is_said_and_not_of_silence() -> None:
    pcm = voices.clip(part(500, (1.0, 3.0), (10.0, 11.5)))
    assert len(pcm) == round((3.5 + 2 * voices.PAUSE_S) * PHONE_RATE)
    assert np.count_nonzero(pcm) == round(3.5 * PHONE_RATE)
    assert len(voices.clip(part(500, (1.0, 50.0)))) == 30 * PHONE_RATE


def test_one_who_says_nothing_needs_no_voice_of_their_own() -> None:
    clips = voices.clips_of({"a": part(500, (1.0, 6.0)), "b": part(0)})
    assert np.array_equal(clips["a"], clips["b"])
    with pytest.raises(AudioFileError, match="Neither recording holds speech"):
        voices.clips_of({"a": part(0), "b": part(0)})
    with pytest.raises(AudioFileError, match=r"from 3 to 30 s of speech; what the called party says: 2\.2 s"):
        voices.clips_of({"a": part(500, (1.0, 6.0)), "b": part(400, (1.0, 3.0))})


def test_each_hears_the_other_in_the_others_own_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def conditioned(pcm: Pcm, rate: int, grpc: str) -> Latents:
        """A voice that is known by how loud its recording was."""
        return Latents(np.ones((2, 4), np.float16), np.full(512, pcm.max(), np.float32))

    monkeypatch.setattr(voices, "conditioned", conditioned)
    repository = exported(tmp_path / "repository", STRUCTURAL)
    clips = voices.clips_of({"a": part(500, (1.0, 6.0)), "b": part(400, (1.0, 6.0))})
    options = run(voices.cloned(clips, {"a": "en", "b": "es"}, "127.0.0.1:9", repository, tmp_path))
    assert {path.name for path in tmp_path.glob("*.npz")} == {"a_voice.npz", "b_voice.npz"}
    assert read(tmp_path / "a_voice.npz").model == "sha256:ab12"
    engine = make(EngineContext(FakeTriton(), TritonSettings(), options))
    for language, level in (("es", 500), ("en", 400)):
        timbre = engine.timbre(DEFAULT, language)
        assert timbre is not None
        latents = timbre.latents
        assert latents is not None
        assert latents.speaker[0] == level, f"what is told in {language}"


def test_weights_that_are_missing_are_told_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no weights of xtts_v2 and xtts_conditioning: run `dragoman export xtts"):
        voices.check_weights(tmp_path)
    exported(tmp_path, STRUCTURAL, voices.ENGINE)
    with pytest.raises(UsageError, match="no weights of xtts_conditioning: run"):
        voices.check_weights(tmp_path)
    voices.check_weights(exported(tmp_path / "whole", STRUCTURAL))


def test_the_demo_says_so_before_anything_starts(
    tmp_path: Path, own_entry_points: None, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(1).normal(0, 2000, 5 * PHONE_RATE).astype(np.int16)
    write_wav(tmp_path / "own.wav", noise, PHONE_RATE)
    own = ["--caller", str(tmp_path / "own.wav"), "--callee", str(tmp_path / "own.wav")]
    where = ["--model-repository", str(tmp_path), "--report", str(tmp_path / "report")]
    assert main(["demo", "--tts", "xtts_v2", *own, *where]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"dragoman: {tmp_path} has no weights of xtts_v2 and xtts_conditioning: run ")
    assert said.count("\n") == 1
    assert not (tmp_path / "report").exists()


def test_random_weights_are_told_and_a_checkpoints_are_not(tmp_path: Path) -> None:
    source = voices.source(exported(tmp_path, STRUCTURAL))
    assert source == STRUCTURAL
    told = voices.note(source)
    assert told is not None
    assert "random (structural full, seed 3)" in told
    assert "noise" in told
    assert voices.note({"checkpoint": "XTTS-v2"}) is None
    assert told in page({**REPORT, "notes": [told]}, TRACKS, PHONE_RATE)
