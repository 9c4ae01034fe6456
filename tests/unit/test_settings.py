"""Settings: one tree, three sources in order, a sentence for every wrong value."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from controller.errors import SettingsError
from controller.settings import load
from controller.settings_reference import markdown


def test_defaults_then_file_then_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text('[vad]\nmode = 1\nendpoint_ms = 500\n[engines]\nstt = "whisper"\n')
    monkeypatch.setenv("DRAGOMAN_VAD__MODE", "2")
    settings = load(file)
    assert settings.vad.mode == 2
    assert settings.vad.endpoint_ms == 500
    assert settings.playback.duck_db == -24


def test_it_is_frozen() -> None:
    with pytest.raises(ValidationError):
        load().vad.mode = 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[vad]\nmode = 7\n", ["vad.mode", "7", "less than or equal to 3", "DRAGOMAN_VAD__MODE"]),
        ("[vad]\nmdoe = 1\n", ["no setting vad.mdoe", "misspelling"]),
        ("[calls]\nsource = 'english'\n", ["calls.source", "english"]),
        ("[languages.directory]\n'+34*' = 'en-es'\n", ["en-es", "+34*", "is no language"]),
        ("[asterisk]\nurl = 'asterisk'\n", ["asterisk.url", "asterisk"]),
        ("[api]\nport = 'http'\n", ["api.port", "http"]),
        ("vad = 3\n", ["vad", "3"]),
        ("[vad\n", ["is not TOML"]),
    ],
)
def test_a_wrong_value_is_told_in_a_sentence(tmp_path: Path, content: str, words: list[str]) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(content)
    with pytest.raises(SettingsError) as caught:
        load(file)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_wrong_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "none.toml")
    monkeypatch.setenv("DRAGOMAN_VAD__ENDPOINT_MS", "long")
    with pytest.raises(SettingsError, match=r"vad\.endpoint_ms is 'long'"):
        load()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DRAGOMAN_VAD", "abc", "cannot be read.*vad"),
        ("DRAGOMAN_ENGINES__OPTIONS", "x", "cannot be read.*engines|engines.options"),
        ("DRAGOMAN_VADD__MODE", "3", "no settings table vadd.*DRAGOMAN_VADD__MODE"),
        ("DRAGOMAN_VAD__MOED", "3", "no setting vad.moed"),
    ],
)
def test_a_wrong_variable_is_told(name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=words):
        load()


def test_what_a_command_was_told_wins_over_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo once asked the user's production Triton, since its address was in the environment."""
    monkeypatch.setenv("DRAGOMAN_TRITON__GRPC", "production:8001")
    monkeypatch.setenv("DRAGOMAN_TRITON__GAP_S", "3")
    settings = load(triton={"grpc": "127.0.0.1:1"})
    assert (settings.triton.grpc, settings.triton.gap_s) == ("127.0.0.1:1", 3)
    with pytest.raises(SettingsError, match="mode is 7"):
        load(vad={"mode": 7})


def test_a_password_is_not_shown() -> None:
    settings = load(asterisk={"password": "hush"})
    assert "hush" not in repr(settings)
    assert settings.asterisk.password.get_secret_value() == "hush"


def test_the_reference_is_what_the_settings_are() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text()
    assert page == markdown(), "run: python -m controller.settings_reference >docs/configuration.md"


def test_who_can_wait_waits_longer_and_never_less_than_was_set() -> None:
    assert (load().triton.patient().first_chunk_s, load().triton.patient().gap_s) == (15, 8)
    assert load(triton={"first_chunk_s": 20, "gap_s": 9}).triton.patient().gap_s == 9
