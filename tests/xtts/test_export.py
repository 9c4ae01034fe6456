"""`dragoman export xtts`: whole or not at all, gone on with after an interruption, one sentence about what is wrong."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from export import cli, exporter
from export.checking import WrongGraph, verdict
from export.runtime.xtts import config
from export.runtime.xtts.config import TINY, ModelConfig, load
from export.runtime.xtts.vocoder import FILES as HALVES
from export.xtts import conditioning, gpt, parts, structural, vocoder
from export.xtts.check import Checks
from tests.torch_file import Call, Global, folder

Tensors = dict[str, NDArray[Any]]

FILES = {
    "xtts_v2": [
        "export.json", "gpt-8bit.bin", "gpt-8bit.onnx", "gpt-fp16.bin", "gpt-fp16.onnx", "gpt-prefill.bin",
        "gpt-prefill.onnx", "gpt.bin", "gpt.onnx", "mel_embedding.npy", "mel_positions.npy", "model.json",
        "text_embedding.npy", "text_positions.npy", "vocab.json", "vocoder-coarse.onnx",
        "vocoder-fine.onnx",
    ],
    "xtts_conditioning": [
        "conditioning.onnx",
        "export.json",
        "mel_stats.npy",
        "model.json",
        "speaker.onnx",
        "speaker_bands.npy",
    ],
}  # fmt: skip


class Said(NamedTuple):
    code: int
    out: str
    err: str


Export = Callable[..., Said]


@pytest.fixture
def export_and_check(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Export:
    """Runs the command into `tmp_path/out`."""

    def run(*arguments: str | Path) -> Said:
        code = cli.main(["xtts", "--out", str(tmp_path / "out"), *map(str, arguments)])
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
def export(export_and_check: Export, monkeypatch: pytest.MonkeyPatch) -> Export:
    """The same without the two slowest checks."""
    for name in ("vocoder", "speaker"):
        monkeypatch.setattr(Checks, name, lambda *_: {"max_abs": 0.0, "relative_rms": 0.0})
    return export_and_check


def left(path: Path) -> dict[str, list[str]]:
    """The names in each weights folder below a repository; nothing is there besides but what Triton reads."""
    assert {one.name for one in path.glob("*/1/*")} <= {"model.py", "weights"}
    assert {one.name for one in path.glob("*/*")} <= {"config.pbtxt", "1"}
    return {one.name: sorted(file.name for file in (one / "1/weights").iterdir()) for one in path.iterdir()}


def test_structural_weights_and_nothing_to_do_the_second_time(
    export_and_check: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    export = export_and_check
    said = export("--structural", "tiny", "--seed", "5")
    assert said.code == 0, said.err
    assert "CPML" not in said.out
    assert left(tmp_path / "out") == FILES
    for model, names in FILES.items():
        weights = tmp_path / "out" / model / "1/weights"
        assert load(weights) == TINY
        record = json.loads((weights / "export.json").read_text())
        assert record["source"] == {"structural": "tiny", "seed": 5}
        assert sorted(record["files"]) == sorted(set(names) - {"export.json"})
        for name, described in record["files"].items():
            assert hashlib.sha256((weights / name).read_bytes()).hexdigest() == described["sha256"]
        checked = [name for name in names if name.endswith(".onnx") and name != HALVES[1]]  # with the other half
        assert sorted(record["parity"]) == checked
    figures = json.loads((tmp_path / "out/xtts_v2/1/weights/export.json").read_text())["parity"]
    assert figures["gpt.onnx"]["max_abs"] < 2e-6
    assert 1e-4 < figures["gpt-8bit.onnx"]["relative_rms"] < 0.02
    table = np.load(tmp_path / "out/xtts_v2/1/weights/mel_positions.npy")
    assert np.array_equal(table, structural.tensors(TINY, 5)["gpt.mel_pos_embedding.emb.weight"])

    monkeypatch.setattr(exporter, "_write", lambda *_: pytest.fail("it was written again"))
    assert "was ready already" in export("--structural", "tiny", "--seed", "5").out
    monkeypatch.undo()
    (tmp_path / "out/xtts_conditioning/1/weights/mel_stats.npy").unlink()
    said = export("--structural", "tiny", "--seed", "5")
    assert "xtts_conditioning [2/5]" in said.out
    assert "xtts_v2 [" not in said.out
    assert left(tmp_path / "out") == FILES
    assert cli.main(["list", "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.count("structural tiny, seed 5") == 2


def interrupted(export: Export, monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    """An export that was stopped in the middle of its last file for `xtts_v2`."""

    def half_written(path: Path, *_: object) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(vocoder, "write", half_written)
        assert export("--structural", "tiny", *options).code == 130


def test_an_interruption_costs_only_the_file_it_fell_into(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(export, monkeypatch)
    assert not (tmp_path / "out/xtts_v2/1/weights").exists()
    (tmp_path / "out/xtts_v2/1/weights.tmp/gpt-8bit.bin").write_bytes(b"touched since")
    monkeypatch.setattr(gpt, "write_fp32", lambda *_: pytest.fail("the fp32 file was written again"))
    said = export("--structural", "tiny")
    assert said.code == 0, said.err
    assert "gpt.onnx: was written before" in said.out
    assert "gpt-8bit.onnx: was written before" not in said.out
    assert left(tmp_path / "out") == FILES


def test_what_another_export_left_is_not_gone_on_with(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(export, monkeypatch, "--seed", "1")
    said = export("--structural", "tiny", "--seed", "2")
    assert "was written before" not in said.out
    assert left(tmp_path / "out") == FILES


@pytest.fixture(scope="session")
def tensors() -> Tensors:
    return dict(structural.tensors(TINY, 0))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, tensors: Tensors) -> Path:
    path = folder(tmp_path_factory.mktemp("checkpoints") / "tuned", {"model": tensors}, TINY)
    (path / "LICENSE.txt").write_text("These are the terms.")
    return path


def test_a_checkpoint_is_exported_once_its_licence_is_accepted(
    export: Export, checkpoint: Path, tmp_path: Path
) -> None:
    said = export("--checkpoint", checkpoint)
    assert said.code == 1
    assert "These are the terms." in said.out
    assert "CPML" in said.out
    assert (
        said.err
        == "export: the licence of these weights was not accepted: give --accept-licence once you have read it\n"
    )
    assert not (tmp_path / "out").exists()

    assert export("--checkpoint", checkpoint, "--accept-licence").code == 0
    record = json.loads((tmp_path / "out/xtts_v2/1/weights/export.json").read_text())
    assert record["licence"] == "CPML-1.0.0"
    assert record["source"]["checkpoint"] == "tuned"
    digest = hashlib.sha256((checkpoint / "model.pth").read_bytes()).hexdigest()
    assert record["source"]["sha256"]["model.pth"] == digest
    assert (tmp_path / "out/xtts_v2/1/weights/vocab.json").read_bytes() == (checkpoint / "vocab.json").read_bytes()


def poisoned(tensors: Tensors) -> dict[str, Any]:
    return {"model": tensors, "config": Call(Global("os", "system"), "touch sprung")}


def renamed(tensors: Tensors) -> dict[str, Any]:
    return {"model": {name.replace("mel_head", "head"): array for name, array in tensors.items()}}


def deeper(tensors: Tensors) -> dict[str, Any]:
    return {"model": tensors | {"gpt.gpt.h.3.ln_1.weight": tensors["gpt.gpt.h.2.ln_1.weight"]}}


def diverged(tensors: Tensors) -> dict[str, Any]:
    """The last tensor that is read: everything before it has been written by then."""
    name = "hifigan_decoder.speaker_encoder.fc.weight"
    return {"model": tensors | {name: np.full_like(tensors[name], np.nan)}}


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (poisoned, "asks for os.system"),
        (renamed, "2 missing (gpt.mel_head.bias), 2 unknown (gpt.head.bias)"),
        (deeper, "1 unknown (gpt.gpt.h.3.ln_1.weight)"),
        (diverged, "speaker_encoder.fc.weight has values that are no finite numbers"),
    ],
)
def test_a_bad_checkpoint_is_one_sentence_and_leaves_nothing(
    spoilt: Callable[[Tensors], dict[str, Any]], said: str, export: Export, tensors: Tensors, tmp_path: Path
) -> None:
    path = folder(tmp_path / "bad", spoilt(tensors), TINY)
    refused(export("--checkpoint", path, "--accept-licence"), said, tmp_path)
    assert not Path("sprung").exists()


def refused(done: Said, said: str, tmp_path: Path) -> None:
    assert done.code == 1
    assert said in done.err
    assert done.err.startswith("export: ")
    assert done.err.count("\n") == 1
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("kept", [1_000, 1_000_000])
def test_one_that_was_cut_off(kept: int, export: Export, checkpoint: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    for file in checkpoint.iterdir():
        (bad / file.name).write_bytes(file.read_bytes()[: kept if file.suffix == ".pth" else None])
    refused(export("--checkpoint", bad, "--accept-licence"), "is cut off, damaged or no torch checkpoint", tmp_path)


def test_one_that_was_damaged_in_the_middle(export: Export, checkpoint: Path, tensors: Tensors, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    for file in checkpoint.iterdir():
        (bad / file.name).write_bytes(file.read_bytes())
    content = bytearray((bad / "model.pth").read_bytes())
    name = "hifigan_decoder.speaker_encoder.fc.weight"
    content[content.index(tensors[name].tobytes())] ^= 1
    (bad / "model.pth").write_bytes(content)
    refused(export("--checkpoint", bad, "--accept-licence"), f"the values of {name} do not match", tmp_path)


def test_what_was_there_stays_when_the_next_export_fails(
    export: Export, checkpoint: Path, tensors: Tensors, tmp_path: Path
) -> None:
    assert export("--structural", "tiny").code == 0
    bad = folder(tmp_path / "bad", diverged(tensors), TINY)
    assert export("--checkpoint", bad, "--accept-licence").code == 1
    assert left(tmp_path / "out") == FILES
    assert "was ready already" in export("--structural", "tiny").out


def changed(folder: Path, name: str, change: Callable[[dict[str, Any]], object]) -> Path:
    """A checkpoint's folder of which one JSON file was changed."""
    stored = json.loads((folder / name).read_text())
    change(stored)
    (folder / name).write_text(json.dumps(stored))
    return folder


def test_tokens_beyond_their_table_are_told_before_anything_is_written(
    export: Export, tensors: Tensors, tmp_path: Path
) -> None:
    bad = folder(tmp_path / "bad", {"model": tensors}, TINY)
    changed(bad, "config.json", lambda stored: stored["model_args"].update(gpt_start_audio_token=5000))
    refused(export("--checkpoint", bad, "--accept-licence"), "start_audio is 5000", tmp_path)


def test_a_small_vocabulary_and_short_texts_are_no_fault(export: Export, tensors: Tensors, tmp_path: Path) -> None:
    rows = {"gpt.text_embedding.weight": 400, "gpt.text_head.weight": 400, "gpt.text_head.bias": 400}
    rows |= {"gpt.text_pos_embedding.emb.weight": 5, "gpt.mel_pos_embedding.emb.weight": 7}
    model = {name: array[: rows[name]] if name in rows else array for name, array in tensors.items()}
    small = replace(TINY, text_tokens=400, max_text=3, max_audio=4)
    tuned = folder(tmp_path / "tuned", {"model": model}, small)

    def shorten(stored: dict[str, Any]) -> None:
        tokens = stored["model"]["vocab"]
        stored["model"]["vocab"] = {token: i for token, i in tokens.items() if i < 400}

    said = export("--checkpoint", changed(tuned, "vocab.json", shorten), "--accept-licence")
    assert said.code == 0, said.err
    assert load(tmp_path / "out/xtts_v2/1/weights") == small


def test_whatever_goes_wrong_leaves_nothing(export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise IndexError("a fault of ours")

    monkeypatch.setattr(vocoder, "write", failing)
    with pytest.raises(IndexError):
        export("--structural", "tiny")
    assert not (tmp_path / "out").exists()


def test_a_description_that_nobody_can_read_is_found_out(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelConfig, "save", lambda _, folder: (folder / "model.json").write_text("{}"))
    refused(export("--structural", "tiny"), "model.json cannot be read again", tmp_path)


def test_weights_too_large_for_half_precision_leave_out_that_file_alone(
    export: Export, tensors: Tensors, tmp_path: Path
) -> None:
    name = "gpt.gpt.h.1.ln_2.bias"
    large = folder(tmp_path / "large", {"model": tensors | {name: tensors[name] + np.float32(70_000)}}, TINY)
    said = export("--checkpoint", large, "--accept-licence")
    assert said.code == 0, said.err
    assert "gpt-fp16.onnx is left out" in said.out
    left_out = ("gpt-fp16.onnx", "gpt-fp16.bin")
    assert left(tmp_path / "out") == {
        model: [name for name in names if name not in left_out] for model, names in FILES.items()
    }
    said = export("--checkpoint", large, "--accept-licence")
    assert "was ready already" in said.out
    assert "gpt-fp16.onnx is left out" in said.out


@pytest.mark.parametrize("figure", [np.nan, np.inf])
@pytest.mark.parametrize("exact", [True, False])
def test_figures_that_are_no_numbers_are_a_wrong_graph(figure: float, exact: bool) -> None:
    with pytest.raises(WrongGraph, match=r"gpt\.onnx"):
        verdict("gpt.onnx", {"relative_rms": figure}, exact=exact)
    with pytest.raises(WrongGraph, match=r"gpt\.onnx"):
        verdict("gpt.onnx", {"relative_rms": 1e-7, "max_abs": figure}, exact=exact)
    assert not verdict("gpt.onnx", {"relative_rms": 1e-7}, exact=exact)


def test_the_conditioning_encoders_check_shares_nothing_with_it(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditioning, "_groups", lambda width: width // 8)
    refused(export("--structural", "tiny"), "conditioning.onnx does not compute", tmp_path)


def test_a_change_in_how_the_description_is_read_makes_everything_anew(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert export("--structural", "tiny").code == 0
    (tmp_path / "config.py").write_text("COLOUR = 1\n")
    monkeypatch.setattr(config, "__file__", str(tmp_path / "config.py"))
    assert "xtts_v2 [1/" in export("--structural", "tiny").out


def test_only_what_is_yet_to_be_written_needs_room(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(export, monkeypatch)
    there = sum(file.stat().st_size for file in (tmp_path / "out/xtts_v2/1/weights.tmp").iterdir())
    taken = parts.room(TINY)

    def with_free(free: int) -> Said:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
        return export("--structural", "tiny")

    needed = sum(taken.values()) - there
    assert "make room first" in with_free(needed - 1).err
    said = with_free(needed)
    assert said.code == 0, said.err
    assert "gpt.onnx: was written before" in said.out
    (tmp_path / "out/xtts_conditioning/1/weights/mel_stats.npy").unlink()
    assert "make room first" in with_free(taken["xtts_conditioning"] - 1).err
    assert with_free(taken["xtts_conditioning"]).code == 0
    for model, room in taken.items():
        weights = tmp_path / "out" / model / "1/weights"
        assert room / 2 < sum(file.stat().st_size for file in weights.iterdir()) < room


def test_a_graph_that_computes_something_else_is_found_out(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpt, "NORM_EPSILON", 1e-3)
    refused(export("--structural", "tiny"), "gpt.onnx does not compute what the checkpoint says", tmp_path)


def test_too_little_room_is_told_before_anything_is_written(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "BYTES_ELSEWHERE", 10**12)
    refused(export("--structural", "tiny"), "make room first", tmp_path)


@pytest.mark.parametrize("arguments", [(), ("--structural", "huge"), ("--structural", "tiny", "--checkpoint", "x")])
def test_a_wrong_command_line_is_one_sentence(arguments: tuple[str, ...], export: Export, tmp_path: Path) -> None:
    refused(export(*arguments), "--help", tmp_path)
