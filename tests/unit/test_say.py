"""`dragoman say`: a WAV by a service and by Triton (a scripted stand-in), and a sentence where neither speaks."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.cli import main
from controller.commands import say
from controller.errors import EngineUnavailable
from controller.stack.wav import WAV_HEADER_BYTES, read_wav, wav_header
from controller.voices.latents import write
from tests.fakes.fake_triton import FakeTriton, Script
from tests.unit.test_api_speech import BUSY, CHUNKS, SOUND, served, speaking
from tests.unit.test_voices import latents


def from_service(words: list[str], *scripts: Script) -> tuple[int, FakeTriton]:
    triton = FakeTriton(*scripts or [CHUNKS])

    async def act() -> int:
        async with served(speaking(triton)) as server:
            url = ["--url", f"http://127.0.0.1:{server.port}"]
            return await asyncio.to_thread(main, ["say", *words, *url])

    return asyncio.run(act()), triton


@pytest.fixture
def triton(own_entry_points: None, monkeypatch: pytest.MonkeyPatch) -> FakeTriton:
    """What --triton leads to."""
    fake = FakeTriton(CHUNKS)
    monkeypatch.setattr(say, "TritonClient", lambda address: fake)
    return fake


def test_a_service_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "said.wav"
    code, triton = from_service(["Hola.", "--language", "es", "--speed", "1.2", "--out", str(out)])
    assert code == 0
    assert np.array_equal(read_wav(out, 24_000), SOUND)
    assert out.read_bytes()[:WAV_HEADER_BYTES] == wav_header(24_000, len(SOUND)), "its length is known in the end"
    assert triton.asked[0].inputs["SPEED"].tolist() == pytest.approx([1.2])
    said = capsys.readouterr().err
    assert "first audio after" in said
    assert "0.03 s of sound" in said
    assert "real-time factor" in said


@pytest.mark.parametrize(
    ("words", "script", "sentence"),
    [
        (["Hola.", "--language", "ja"], CHUNKS, "The voice pico does not speak 'ja'."),
        (["Hola.", "--voice", "eve"], CHUNKS, "There is no voice 'eve': there are default."),
        (["...", "--language", "es"], [], "There is nothing to say in this text."),
        (["Hola."], [BUSY], "pico is busy: too many utterances at once"),
    ],
)
def test_what_a_service_refuses_is_told_in_its_words(
    words: list[str], script: Any, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = from_service([*words, "--out", str(tmp_path / "said.wav")], script)
    assert (code, capsys.readouterr().err) == (1, f"dragoman: {sentence}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_breaks_off_is_told_and_what_came_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "said.wav"
    code, _ = from_service(["Hola.", "--out", str(out)], [CHUNKS[0], BUSY])
    assert code == 1
    assert "dragoman: The service broke off half-way" in capsys.readouterr().err
    assert np.array_equal(read_wav(out, 24_000), CHUNKS[0])


def test_triton_says_it(triton: FakeTriton, tmp_path: Path) -> None:
    out = tmp_path / "said.wav"
    words = ["Hola.", "--language", "es", "--rate", "16000", "--out", str(out)]
    assert main(["say", *words, "--triton", "127.0.0.1:9"]) == 0
    assert np.array_equal(read_wav(out, 16_000), SOUND)
    assert (triton.asked[0].model, triton.asked[0].inputs["SAMPLE_RATE"].tolist()) == ("pico", [16_000])


def test_a_voice_file_speaks_by_xtts(triton: FakeTriton, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = str(tmp_path / "ana.npz"), str(tmp_path / "said.wav")
    write(Path(file), latents(), name="ana")
    words = ["say", "こんにちは", "--language", "ja", "--voice", file, "--out", out]
    assert main([*words, "--triton", "127.0.0.1:9"]) == 0
    assert triton.asked[0].model == "xtts_v2"
    assert np.array_equal(triton.asked[0].inputs["GPT_COND_LATENT"], latents().gpt_conditioning)
    capsys.readouterr()
    assert main(words) == 1
    assert "is for Triton itself: add --triton HOST:PORT" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([" ", "--triton", "127.0.0.1:9"], "There is nothing to say: give a text."),
        (["a", "--triton", "nowhere"], "--triton takes a host and the port"),
        (["a", "--triton", "127.0.0.1:9", "--tts", "nonesuch"], "There is no tts engine 'nonesuch'"),
        (["a", "--triton", "127.0.0.1:9", "--language", "ja"], "The voice pico does not speak 'ja'."),
        (["a", "--triton", "127.0.0.1:9", "--voice", "none.npz"], "The voice file none.npz cannot be read"),
        (["a", "--url", "http://127.0.0.1:9"], "No service answers at http://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_is_told(
    words: list[str], sentence: str, triton: FakeTriton, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["say", *words]) == 1
    said = capsys.readouterr().err
    assert said.startswith("dragoman: ")
    assert sentence in said
    assert triton.asked == []


def test_a_triton_that_is_not_there_leaves_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["say", "Hola.", "--triton", "127.0.0.1:9", "--out", str(tmp_path / "said.wav")]) == 1
    said = capsys.readouterr().err
    assert "dragoman: pico cannot be reached" in said
    assert "Triton is looked for at 127.0.0.1:9: start it, or name it with --triton." in said
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told(
    triton: FakeTriton, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["say", "a", "--triton", "127.0.0.1:9", "--out", str(tmp_path / "none" / "said.wav")]) == 1
    assert "said.wav cannot be written: No such file or directory." in capsys.readouterr().err
    assert triton.cancelled == 1


def test_standard_output_is_a_wav_of_unknown_length(
    triton: FakeTriton, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    pipe = Pipe()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe))
    assert main(["say", "a", "--triton", "127.0.0.1:9", "--out", "-"]) == 0
    assert pipe.getvalue() == wav_header(24_000, None) + SOUND.astype("<i2").tobytes()


def test_an_engine_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing = FakeTriton([EngineUnavailable("pico is not loaded: its weights are missing", engine="pico")])
    monkeypatch.setattr(say, "TritonClient", lambda address: failing)
    assert main(["say", "a", "--triton", "127.0.0.1:9"]) == 1
    assert capsys.readouterr().err.startswith(
        "dragoman: pico is not loaded: its weights are missing. Triton is looked "
    )
