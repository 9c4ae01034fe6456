"""The exporter on a cache of toys: whole or not at all, quick the second time, clear about what is wrong."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from controller.errors import UsageError
from export import cli, offline
from export.repository import Plan, Repository, Source
from export.runtime.weights import WeightsError, check_whisper, is_multilingual, made_by
from export.setup.cache import REPOSITORY, Cache
from tests.requirements import require_or_skip


def whisper_folder(path: Path, *, tokens: int = 51_865) -> Path:
    path.mkdir(parents=True)
    (path / "model.bin").write_bytes(b"\x06\0\0\0\x0c\0WhisperSpec\0rest")
    (path / "tokenizer.json").write_text('{"<|notimestamps|>": 1, "<|es|>": 2}')
    (path / "config.json").write_text("{}")
    (path / "vocabulary.txt").write_text("\n".join(map(str, range(tokens))))
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    root = tmp_path / "cache"
    monkeypatch.setenv("DRAGOMAN_CACHE", str(root))
    found = Cache.default()
    whisper_folder(found.whisper)
    found.silero.write_bytes(b"silero")
    for folder in (found.apertium_root / "usr" / "lib", found.apertium_run):
        folder.mkdir(parents=True)
    (found.apertium_root / "usr/lib/libx.so.1").write_bytes(b"x")
    (found.apertium_root / "usr/lib/libx.so").symlink_to("libx.so.1")
    (found.apertium_run / "lt-proc").write_text("#!/bin/sh\n")
    return found


def export(out: Path, *more: str, model: str = "offline") -> int:
    return cli.main([model, "--out", str(out), *more])


def test_it_fills_the_repository_and_says_what_with(cache: Cache, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export(out) == 0
    weights = out / "whisper/1/weights"
    assert (weights / "whisper/model.bin").read_bytes() == (cache.whisper / "model.bin").read_bytes()
    assert (out / "apertium/1/weights/root/usr/lib/libx.so").readlink() == Path("libx.so.1")
    assert (out / "pico/config.pbtxt").is_file(), "a repository elsewhere gets the glue too"
    record = json.loads((out / "export.json").read_text())
    assert record["schema"] == "dragoman/export/1"
    assert sorted(record["models"]) == sorted(offline.MODELS)
    described = record["models"]["whisper"]["files"]["silero_vad.onnx"]
    assert described["bytes"] == 6
    assert described["sha256"] == hashlib.sha256(b"silero").hexdigest()


def test_the_second_time_nothing_is_done(
    cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert export(out) == 0
    before = (out / "export.json").stat().st_mtime_ns
    monkeypatch.setattr("export.repository._digest", lambda path: pytest.fail(f"{path} was hashed again"))
    assert export(out) == 0
    assert (out / "export.json").stat().st_mtime_ns == before
    assert capsys.readouterr().out.count("was ready already") == 3


def test_what_was_touched_is_put_right(cache: Cache, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export(out) == 0
    broken = out / "whisper/1/weights/silero_vad.onnx"
    broken.unlink()
    broken.write_bytes(b"broken")
    (out / "whisper/1/weights.tmp").mkdir()
    assert export(out) == 0
    assert broken.read_bytes() == b"silero"
    assert not (out / "whisper/1/weights.tmp").exists()


@pytest.mark.parametrize("model", offline.MODELS)
def test_one_model_alone(model: str, cache: Cache, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export(out, model=model) == 0
    assert list(json.loads((out / "export.json").read_text())["models"]) == [model]
    assert [path.name for path in out.iterdir() if path.is_dir()] == [model]


def test_one_model_leaves_the_record_of_the_others(cache: Cache, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert [export(out, model=model) for model in ("pico", "apertium")] == [0, 0]
    assert sorted(json.loads((out / "export.json").read_text())["models"]) == ["apertium", "pico"]


@pytest.mark.parametrize("model", ["offline", "whisper"])
def test_a_folder_of_ones_own(model: str, cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = whisper_folder(tmp_path / "mine", tokens=51_864)
    assert export(tmp_path / "out", "--checkpoint", str(own), model=model) == 0
    assert "mine knows English only" in capsys.readouterr().out
    record = json.loads((tmp_path / "out/export.json").read_text())
    assert record["models"]["whisper"]["source"] == {"name": "mine", "version": "local"}


def test_a_folder_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(tmp_path / "out", "--checkpoint", str(tmp_path / "none")) == 1
    said = capsys.readouterr().err
    assert said.startswith("export: ")
    assert "none is not a folder" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "model.bin").unlink(), "model.bin missing"),
        (lambda folder: (folder / "vocabulary.txt").unlink(), "vocabulary.json missing"),
        (lambda folder: (folder / "model.bin").write_bytes(b"TransformerSpec"), "not a CTranslate2 model of Whisper"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "does not belong to Whisper"),
    ],
)
def test_an_incomplete_folder_is_told_what_it_lacks(spoil: object, said: str, tmp_path: Path) -> None:
    folder = whisper_folder(tmp_path / "w")
    check_whisper(folder)
    assert callable(spoil)
    spoil(folder)
    with pytest.raises(WeightsError, match=said):
        check_whisper(folder)


def test_languages_are_told_by_the_vocabulary(tmp_path: Path) -> None:
    assert is_multilingual(whisper_folder(tmp_path / "many"))
    assert not is_multilingual(whisper_folder(tmp_path / "english", tokens=51_864))


def test_a_missing_part_leaves_what_was_there(cache: Cache, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export(out) == 0
    plan = Plan("whisper", Source("x", "1"), {"whisper": tmp_path / "gone"})
    with pytest.raises(UsageError, match="gone is missing"):
        Repository(out).fill(plan, cache)
    assert (out / "whisper/1/weights/whisper/model.bin").is_file()


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["offline", "--what"], ["pico", "--checkpoint", "x"]])
def test_a_wrong_command_line_is_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 1
    assert "--help" in capsys.readouterr().err


def test_the_list_tells_what_is_there(cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("not exported") == 8


def test_xtts_is_exported_in_an_environment_of_its_own(tmp_path: Path) -> None:
    require_or_skip("xtts", Cache.default().python("export").exists(), "run `make test`")
    command = [sys.executable, "-m", "export", "xtts", "--out", str(tmp_path), "--checkpoint", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 1
    assert "none is not a whole XTTS checkpoint: model.pth, config.json, vocab.json missing" in done.stderr
    assert done.stderr.startswith("export: ")
    assert done.stderr.count("\n") == 1


def test_weights_are_named_by_what_is_in_them(tmp_path: Path) -> None:
    record = {"files": {"a.onnx": {"sha256": "12"}}, "source": {"structural": "tiny", "seed": 1}}
    (tmp_path / "export.json").write_text(json.dumps(record))
    structural = made_by(tmp_path, "xtts_conditioning")
    assert re.fullmatch("xtts_conditioning:[0-9a-f]{16}:structural", structural)
    (tmp_path / "export.json").write_text(json.dumps({**record, "source": {"checkpoint": "x"}}))
    assert made_by(tmp_path, "xtts_conditioning") == structural.removesuffix(":structural")
    (tmp_path / "export.json").write_text(json.dumps({**record, "files": {"a.onnx": {"sha256": "13"}}}))
    assert made_by(tmp_path, "xtts_conditioning") != structural
    for nothing in ("", "[]", "{}"):
        (tmp_path / "export.json").write_text(nothing)
        assert made_by(tmp_path, "xtts_conditioning") == "xtts_conditioning"
