"""`dragoman export ecapa` and `campplus`: what is written, what is refused and why, what random weights are called."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from export import cli
from export.identity import ecapa
from export.identity.structural import Structural
from export.runtime.identity import encoders
from export.runtime.identity.model import load
from export.runtime.weights import WeightsError
from export.setup.cache import REPOSITORY
from tests.encoders import material
from tests.torch_file import Call, Global, save

Tensors = dict[str, NDArray[Any]]


class Said(NamedTuple):
    code: int
    out: str
    err: str


Export = Callable[..., Said]


@pytest.fixture
def export(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Export:
    """Runs the command into `tmp_path/out`."""

    def run(*arguments: str | Path) -> Said:
        code = cli.main([*map(str, arguments), "--out", str(tmp_path / "out")])
        return Said(code, *capsys.readouterr())

    return run


def weights(tmp_path: Path, model: str) -> Path:
    return tmp_path / "out" / model / "1" / "weights"


@pytest.mark.parametrize(
    ("command", "model", "files"),
    [
        (("ecapa",), "ecapa_tdnn", ["encoder.onnx", "export.json", "model.json"]),
        (("ecapa", "--int8"), "ecapa_tdnn", ["encoder-8bit.onnx", "encoder.onnx", "export.json", "model.json"]),
        (("campplus",), "campplus", ["encoder.onnx", "export.json", "model.json"]),
    ],
)
def test_random_weights_are_called_so_everywhere(
    command: tuple[str, ...], model: str, files: list[str], export: Export, tmp_path: Path
) -> None:
    said = export(*command, "--structural", "tiny", "--seed", "5")
    assert said.code == 0, said.err
    assert "these weights are random" in said.out
    made = weights(tmp_path, model)
    assert sorted(file.name for file in made.iterdir()) == files
    record = json.loads((made / "export.json").read_text())
    assert record["source"] == {"structural": "tiny", "seed": 5}
    assert (record["structural"], record["native_width"]) == (True, 192)
    for name, described in record["files"].items():
        assert hashlib.sha256((made / name).read_bytes()).hexdigest() == described["sha256"]
    assert record["parity"]["encoder.onnx"]["relative_rms"] < 1e-5
    assert (tmp_path / "out" / model / "config.pbtxt").read_text() == (
        REPOSITORY / "model_repository" / model / "config.pbtxt"
    ).read_text()
    encoder = encoders.opened(made)
    assert encoder.id.endswith(":structural")
    assert encoder(material.of_lengths(0.8)).shape == (1, 256)
    assert "was ready already" in export(*command, "--structural", "tiny", "--seed", "5").out
    other = export(*command, "--structural", "tiny", "--seed", "6")
    assert other.code == 0
    assert encoders.opened(made).id != encoder.id
    assert "structural tiny, seed 6" in export("list").out


@pytest.fixture(scope="session")
def tensors() -> Tensors:
    return dict(Structural(material.tiny_ecapa(), 4))


def saved(path: Path, value: object) -> Path:
    save(value, path)
    return path


def test_a_checkpoint_and_its_vectors(export: Export, tensors: Tensors, tmp_path: Path) -> None:
    path = saved(tmp_path / "embedding_model.ckpt", tensors)
    said = export("ecapa", "--checkpoint", path)
    assert said.code == 0, said.err
    assert "random" not in said.out
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    record = json.loads((weights(tmp_path, "ecapa_tdnn") / "export.json").read_text())
    assert record["source"] == {"checkpoint": "embedding_model.ckpt", "sha256": digest}
    encoder = encoders.opened(weights(tmp_path, "ecapa_tdnn"))
    assert encoder.id == f"ecapa_tdnn:192:{digest[:16]}"
    assert not encoder(material.of_lengths(0.8))[:, 192:].any()


def test_a_checkpoint_of_256_numbers_is_not_filled_up(export: Export, tensors: Tensors, tmp_path: Path) -> None:
    wide = tensors | {
        "fc.conv.weight": np.concatenate([tensors["fc.conv.weight"]] * 2)[:256],
        "fc.conv.bias": np.concatenate([tensors["fc.conv.bias"]] * 2)[:256],
    }
    said = export("ecapa", "--checkpoint", saved(tmp_path / "wide.ckpt", wide))
    assert said.code == 0, said.err
    encoder = encoders.opened(weights(tmp_path, "ecapa_tdnn"))
    assert encoder.model.native_width == 256
    assert (encoder(material.of_lengths(0.8))[:, 192:] != 0).all()


def refused(done: Said, said: str, tmp_path: Path) -> None:
    assert done.code == 1
    assert said in done.err
    assert done.err.startswith("export: ")
    assert done.err.count("\n") == 1
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda t: {"model": t, "x": Call(Global("os", "system"), "true")}, "asks for os.system"),
        (
            lambda t: t | {"fc.conv.bias": np.full(192, np.nan, np.float32)},
            "fc.conv.bias has values that are no finite",
        ),
        (lambda t: {f"module.{name}": array for name, array in t.items()}, "it has no 'blocks.0.conv.conv.weight'"),
    ],
)
def test_a_bad_checkpoint_is_one_sentence_and_leaves_nothing(
    spoil: Callable[[Tensors], Any], said: str, export: Export, tensors: Tensors, tmp_path: Path
) -> None:
    refused(export("ecapa", "--checkpoint", saved(tmp_path / "bad.ckpt", spoil(tensors))), said, tmp_path)


def test_a_checkpoint_that_is_not_there(export: Export, tmp_path: Path) -> None:
    refused(
        export("ecapa", "--checkpoint", tmp_path / "none.ckpt"), "is no file: give the embedding_model.ckpt", tmp_path
    )


@pytest.mark.parametrize(
    "arguments", [("ecapa",), ("ecapa", "--structural", "huge"), ("campplus", "--structural", "tiny", "--int8")]
)
def test_a_wrong_command_line_is_one_sentence(arguments: tuple[str, ...], export: Export, tmp_path: Path) -> None:
    refused(export(*arguments), "--help", tmp_path)


def test_a_graph_that_computes_something_else_is_found_out(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ecapa, "DILATIONS", (2, 3, 5))
    refused(export("ecapa", "--structural", "tiny"), "encoder.onnx does not compute what the checkpoint says", tmp_path)


def test_what_is_not_there_says_what_to_run(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"has no model\.json: run `dragoman export ecapa` or `campplus`"):
        encoders.opened(tmp_path)
    load(folder).save(tmp_path)
    with pytest.raises(WeightsError, match=r"encoder-8bit\.onnx is missing .* `dragoman export ecapa .* --int8`"):
        encoders.opened(tmp_path, precision="8bit")
