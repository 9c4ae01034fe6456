"""Voices as files: what is written comes back, what is no voice is told in a sentence, clips become one recording."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.cli import main
from controller.commands import voice as command
from controller.errors import AudioFileError, EngineUnavailable, VoiceError
from controller.stack.wav import read_wav, write_wav
from controller.triton.client import Array
from controller.triton.contracts import Latents, condition, embed, forget
from controller.virtual_time import run
from controller.voices.clips import clips
from controller.voices.latents import SCHEMA, read, write
from tests.fakes.fake_triton import FakeTriton

META = json.dumps({"schema": SCHEMA, "name": "ana"})


def latents(count: int = 32, width: int = 1024, seed: int = 1) -> Latents:
    random = np.random.default_rng(seed)
    return Latents(
        random.normal(0, 1, (count, width)).astype(np.float16), random.normal(0, 0.04, 512).astype(np.float32)
    )


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    for one in (latents(), latents(4, 64)):
        written = write(tmp_path / "ana.npz", one, name="Ana Peña", model="sha256:12")
        back = read(tmp_path / "ana.npz")
        assert (back.name, back.model, back.made) == ("Ana Peña", "sha256:12", written.made)
        assert np.array_equal(back.latents.gpt_conditioning, one.gpt_conditioning)
        assert np.array_equal(back.latents.speaker, one.speaker)
    assert [path.name for path in tmp_path.iterdir()] == ["ana.npz"], "nothing half-written is left"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gpt_cond_latent": None}, "is not a voice file"),
        ({"meta": None}, "is not a voice file"),
        ({"meta": np.array("{")}, "is not a voice file"),
        ({"meta": np.array("[1]")}, "is not a voice file"),
        ({"meta": np.array('{"schema": "dragoman/voice-latents/9"}')}, "of another kind"),
        ({"gpt_cond_latent": np.zeros((32, 1024), np.float32)}, "gpt_cond_latent is float32, not float16"),
        ({"gpt_cond_latent": np.zeros(1024, np.float16)}, r"has the shape \[1024\]"),
        ({"gpt_cond_latent": np.zeros((0, 1024), np.float16)}, r"has the shape \[0, 1024\]"),
        ({"speaker_embedding": np.zeros(256, np.float32)}, r"speaker_embedding has the shape \[256\]"),
        ({"speaker_embedding": np.full(512, np.nan, np.float32)}, "speaker_embedding holds what is no number"),
        ({"gpt_cond_latent": np.full((2, 64), np.inf, np.float16)}, "gpt_cond_latent holds what is no number"),
        ({"gpt_cond_latent": np.array([[{}]], dtype=object)}, "is not a voice file"),
        ({"more": np.zeros(5 << 20, np.int8)}, "too large"),
    ],
)
def test_what_is_no_voice_is_told(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    whole = {
        "gpt_cond_latent": latents().gpt_conditioning,
        "speaker_embedding": latents().speaker,
        "meta": np.array(META),
        **change,
    }
    path = tmp_path / "voice.npz"
    np.savez_compressed(path, **{name: array for name, array in whole.items() if array is not None})
    with pytest.raises(VoiceError, match=rf"{said}.*dragoman voice make"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"RIFF" * 20, b"PK\x03\x04" + b"x" * 40])
def test_other_files_are_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "voice.npz"
    path.write_bytes(content)
    with pytest.raises(VoiceError, match="is not a voice file"):
        read(path)
    with pytest.raises(VoiceError, match="cannot be read: No such file"):
        read(tmp_path / "none.npz")


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "voice.npz"
    write(path, latents(), name="ana")
    content = bytearray(path.read_bytes())
    content[200:400] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(VoiceError, match="is not a voice file"):
        read(path)
    for offset, mark in ((8, 1), (10, 99)):  # encrypted; packed in an unknown way
        write(path, latents(), name="ana")
        content = bytearray(path.read_bytes())
        content[content.index(b"PK\x01\x02") + offset] = mark
        path.write_bytes(content)
        with pytest.raises(VoiceError, match="is not a voice file"):
            read(path)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as empty:
        empty.writestr("other.txt", "x")
    path.write_bytes(packed.getvalue())
    with pytest.raises(VoiceError, match="is not a voice file"):
        read(path)


def test_latents_that_are_no_numbers_are_not_written(tmp_path: Path) -> None:
    spoilt = Latents(np.full((2, 64), np.nan, np.float16), latents().speaker)
    with pytest.raises(VoiceError, match="is no voice: gpt_cond_latent holds what is no number"):
        write(tmp_path / "voice.npz", spoilt, name="x")
    with pytest.raises(VoiceError, match="cannot be written"):
        write(tmp_path / "none" / "voice.npz", latents(), name="x")
    assert list(tmp_path.iterdir()) == []


def test_a_voice_is_asked_for_by_the_contract() -> None:
    def answer(inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        return {"GPT_COND_LATENT": np.full((32, 1024), 0.1, np.float32), "SPEAKER_EMBEDDING": np.ones(512, np.float32)}

    triton = FakeTriton(answer=answer)
    made = run(condition(triton, np.arange(10, dtype=np.int16), 44_100))
    (asked,) = triton.asked
    assert asked.model == "xtts_conditioning"
    assert asked.inputs["PCM"].dtype == np.int16
    assert asked.inputs["PCM"].tolist() == list(range(10))
    assert (asked.inputs["SAMPLE_RATE"].dtype, asked.inputs["SAMPLE_RATE"].tolist()) == (np.int32, [44_100])
    assert made.gpt_conditioning.dtype == np.float16
    assert made.gpt_conditioning.shape == (32, 1024)
    assert made.speaker.dtype == np.float32
    assert made.speaker.shape == (512,)


def test_an_encoder_is_asked_by_its_contract() -> None:
    def answer(inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        return {"IDENTITY": np.ones((1, 256), np.float32), "MODEL_ID": np.array([[b"campplus:192:00"]], np.object_)}

    triton = FakeTriton(answer=answer)
    made = run(embed(triton, np.arange(10, dtype=np.int16), model="campplus", output="IDENTITY"))
    (asked,) = triton.asked
    assert (asked.model, asked.inputs["PCM"].dtype, asked.inputs["PCM"].shape) == ("campplus", np.int16, (1, 10))
    assert (made.vector.shape, made.model) == ((256,), "campplus:192:00")
    plain = FakeTriton(answer=lambda inputs: {"STYLE": np.ones((1, 64), np.float32)})
    assert run(embed(plain, np.ones(9, np.int16), model="gst", output="STYLE")).model == "gst", "it says no more"


def test_a_voice_is_forgotten_by_its_contract() -> None:
    triton = FakeTriton([np.zeros(0, np.int16)])
    run(forget(triton, latents()))
    run(forget(triton, None))
    one, all_ = triton.asked
    assert (one.model, one.text("TEXT"), one.inputs["FORGET"].tolist()) == ("xtts_v2", "", [True])
    assert np.array_equal(one.inputs["GPT_COND_LATENT"], latents().gpt_conditioning)
    assert all_.inputs["FORGET"].dtype == np.bool_
    assert "GPT_COND_LATENT" not in all_.inputs


def noise(path: Path, seconds: float, rate: int) -> Path:
    write_wav(path, np.random.default_rng(1).normal(0, 2000, round(seconds * rate)).astype(np.int16), rate)
    return path


def test_clips_are_laid_end_to_end_at_the_highest_rate(tmp_path: Path) -> None:
    low, high = noise(tmp_path / "low.wav", 2.0, 8000), noise(tmp_path / "high.wav", 1.5, 24_000)
    pcm, rate = clips([low, high])
    assert rate == 24_000
    assert len(pcm) == 3.5 * rate
    assert np.array_equal(pcm[2 * rate :], read_wav(high, rate)), "what has the rate already is left as it is"


@pytest.mark.parametrize("seconds", [2.9, 30.1])
def test_too_little_and_too_much_speech_is_told(seconds: float, tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=rf"from 3 to 30 s of speech; .*clip\.wav: {seconds} s"):
        clips([noise(tmp_path / "clip.wav", seconds, 8000)])


def test_the_command_makes_and_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[tuple[int, int, str]] = []

    async def conditioned(pcm: Array, rate: int, grpc: str) -> Latents:
        heard.append((len(pcm), rate, grpc))
        return latents()

    monkeypatch.setattr(command, "conditioned", conditioned)
    clip, out = noise(tmp_path / "clip.wav", 4.0, 16_000), tmp_path / "ana.npz"
    assert main(["voice", "make", "--out", str(out), str(clip), "--triton", "127.0.0.1:9"]) == 0
    assert heard == [(64_000, 16_000, "127.0.0.1:9")]
    assert "is the voice of ana, made from 4.0 s of speech" in capsys.readouterr().out
    assert main(["voice", "show", str(out), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["latents"], shown["width"], shown["model"]) == ("ana", 32, 1024, "")
    assert main(["voice", "show", str(out)]) == 0
    assert "32 latents of 1024 numbers" in capsys.readouterr().out


def test_the_command_tells_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clip, out = str(noise(tmp_path / "clip.wav", 4.0, 16_000)), str(tmp_path / "ana.npz")
    assert main(["voice", "make", "--out", out, clip, "--triton", "nowhere"]) == 1
    assert "--triton takes a host and the port" in capsys.readouterr().err
    assert main(["voice", "make", "--out", out, str(tmp_path / "none.wav"), "--triton", "127.0.0.1:9"]) == 1
    assert "none.wav cannot be read" in capsys.readouterr().err

    async def unavailable(pcm: Array, rate: int, grpc: str) -> Latents:
        raise EngineUnavailable("xtts_conditioning cannot be reached or is busy", engine="xtts_conditioning")

    monkeypatch.setattr(command, "conditioned", unavailable)
    assert main(["voice", "make", "--out", out, clip]) == 1
    assert "dragoman: xtts_conditioning cannot be reached" in capsys.readouterr().err
    assert not Path(out).exists()
