"""`dragoman voice ...` on profiles, by scripted encoders: the same as the API does, and each refusal in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.cli import main
from controller.commands import profiles
from controller.errors import EngineUnavailable
from controller.settings import VoiceSettings
from controller.stack.wav import write_wav
from controller.triton.client import TritonClient
from controller.voices.keeper import Keeper
from controller.voices.library import Library
from controller.voices.opening import store_of
from tests.fakes.fake_encoders import IDENTITY, FakeEncoders, somebody
from tests.unit.test_calibration import ANA, BOB

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def encoders(monkeypatch: pytest.MonkeyPatch) -> FakeEncoders:
    fake = FakeEncoders()

    def keeper_of(settings: VoiceSettings, triton: TritonClient) -> Keeper:
        return Keeper(Library(store_of(settings)), fake)

    monkeypatch.setattr(profiles, "keeper_of", keeper_of)
    return fake


@pytest.fixture
def say(
    encoders: FakeEncoders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Say:
    """Runs a verb of `voice`: its code and what it says."""
    monkeypatch.setenv("DRAGOMAN_VOICES__KEY", "key")
    monkeypatch.setenv("DRAGOMAN_VOICES__STORE", str(tmp_path / "voices"))

    def run(*words: object) -> tuple[int, str, str]:
        code = main(["voice", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def wavs(folder: Path, pitch: float = ANA, count: int = 3, first: int = 0) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed}.wav" for seed in range(first, first + count)]
    for seed, path in enumerate(paths, first):
        write_wav(path, somebody(pitch, seed=seed), 16_000)
    return paths


def test_a_voice_from_its_first_recording_to_its_last_trace(say: Say, tmp_path: Path, encoders: FakeEncoders) -> None:
    assert say("list") == (0, f"no voice is kept in {tmp_path / 'voices'}\n", "")
    code, out, err = say("enrol", "ana", *wavs(tmp_path / "ana"), "--user", "Ana", "--language", "es")
    assert (code, out) == (0, "ana, version 1: made from 3 clips\n")
    assert "Nobody has consented to the use of the voice ana" in err
    assert say("consent", "ana", "--who", "Ana Peña")[:2] == (0, "Ana Peña agrees to the use of the voice ana\n")
    code, out, _ = say("list")
    assert out == "ana  v2  Ana  es  3 clips  usable\n"
    code, out, _ = say("show", "ana")
    assert "ana is the voice of Ana, version 2\n  it may be used\n" in out
    assert f"made by {IDENTITY}" in out
    assert "its recordings are kept" in out
    shown = json.loads(say("show", "ana", "--json")[1])
    assert (shown["name"], len(shown["clips"])) == ("ana", 3)
    (mine,) = wavs(tmp_path / "more", first=8, count=1)
    (other,) = wavs(tmp_path / "other", BOB, first=8, count=1)
    code, out, _ = say("verify", "ana", mine)
    assert (code, "is the voice of ana: likeness 0." in out) == (0, True)
    code, out, _ = say("verify", "ana", other)
    assert (code, "is not the voice of ana" in out) == (2, True)
    assert say("similar", mine)[1].startswith("ana  0.")
    assert say("similar", "ana")[1] == "nobody\n"
    encoders.model = "ecapa_tdnn:192:ffeeddccbbaa9988"
    assert say("verify", "ana", mine)[0] == 1
    assert say("rebuild")[:2] == (0, "ana, version 3: made from 3 clips\n")
    assert say("verify", "ana", mine)[0] == 0
    assert say("enrol", "ana", *wavs(tmp_path / "ana"), "--anew")[1] == "ana, version 4: made from 3 clips\n"
    code, out, _ = say("revoke", "ana")
    assert (code, out) == (0, "The voice ana is not agreed to any more, and nothing of it is left\n")
    assert "was revoked" in say("list")[1]
    assert say("delete", "ana")[0] == 0
    assert not list((tmp_path / "voices").iterdir())
    assert say("delete", "ana") == (1, "", "dragoman: There is no voice ana.\n")


def test_a_folder_of_people_is_enrolled_and_who_cannot_be_is_told(say: Say, tmp_path: Path) -> None:
    people = tmp_path / "people"
    wavs(people / "ana")
    wavs(people / "bob", BOB)
    wavs(people / "eve", count=2)
    (people / "eve" / "9.wav").write_bytes(b"no WAV")
    code, out, err = say("enrol", "--folder", people, "--consent", "all of them", "--text", "7")
    assert code == 1
    assert out == "ana, version 1: made from 3 clips\nbob, version 1: made from 3 clips\n"
    assert "dragoman: eve: A voice is made from 3 clips or more, and 2 of these can be used. Clip 3 (" in err
    assert "is not a WAV file" in err
    listed = json.loads(say("list", "--json")[1])
    assert [(one["name"], one["user"], one["usable"]) for one in listed["voices"]] == [
        ("ana", "ana", True),
        ("bob", "bob", True),
    ]


def test_voices_are_exported_and_imported(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoders: FakeEncoders
) -> None:
    say("enrol", "ana", *wavs(tmp_path / "ana"), "--consent", "Ana")
    out = tmp_path / "ana.npz"
    assert say("export", "ana", "--out", out)[:2] == (0, f"{out} holds the voice ana\n")
    assert out.stat().st_mode & 0o077 == 0
    code, _, err = say("import", out)
    assert (code, "There is a voice ana already" in err) == (1, True)
    assert say("import", out, "--name", "ana-2")[:2] == (0, f"{out} is the voice ana-2 by now\n")
    monkeypatch.setenv("DRAGOMAN_VOICES__KEY", "another")
    monkeypatch.setenv("DRAGOMAN_VOICES__STORE", str(tmp_path / "elsewhere"))
    assert "The key does not open" in say("import", out)[2]
    (tmp_path / "key").write_text("key\n")
    assert say("import", out, "--key-file", tmp_path / "key")[0] == 0
    assert json.loads(say("list", "--json")[1])["voices"][0]["usable"]


def test_without_a_key_it_is_said_that_no_recording_is_kept(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DRAGOMAN_VOICES__KEY")
    out = say("enrol", "ana", *wavs(tmp_path / "ana"), "--consent", "Ana")[1]
    assert "its recordings are not kept, since no key is set" in out
    code, _, err = say("rebuild", "ana")
    assert (code, "The recordings of the voice ana were not kept" in err) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["enrol"], "Give a name and three recordings or more, or --folder."),
        (["enrol", "ana"], "A voice is made from 3 clips or more, and 0 of these can be used. Record more."),
        (["enrol", "../ana", "a.wav"], "a.wav cannot be read"),
        (["enrol", "ana", "--folder", "x"], "Give a name and recordings, or --folder, not both."),
        (["enrol", "--folder", "nowhere"], "nowhere is no folder"),
        (["show", "nobody"], "There is no voice nobody."),
        (["verify", "nobody", "none.wav"], "none.wav cannot be read"),
        (["revoke", "nobody"], "There is no voice nobody."),
        (["import", "none.npz"], "none.npz cannot be read"),
        (["import", "a", "b", "--name", "x"], "--name is for one file"),
        (["similar", "No!"], "is no name for a voice"),
        (["list", "--store", "nonesuch://x"], "nonesuch"),
    ],
)
def test_what_cannot_be_is_told(words: list[str], said: str, say: Say) -> None:
    code, _, err = say(*words)
    assert (code, said in err) == (1, True), err


def test_a_store_that_nobody_named_is_asked_for(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRAGOMAN_VOICES__STORE")
    assert "No voices are kept: name a folder or a URL in voices.store" in say("list")[2]


def test_an_encoder_that_is_not_there_is_told(say: Say, tmp_path: Path, encoders: FakeEncoders) -> None:
    encoders.failing = EngineUnavailable("No encoder of speakers is ready on Triton", engine="campplus")
    code, _, err = say("enrol", "ana", *wavs(tmp_path / "ana"), "--triton", "127.0.0.1:9")
    assert code == 1
    assert "No encoder of speakers is ready on Triton. Triton is looked for at 127.0.0.1:9" in err
