"""The style network's graph computes what the plain equations say, in any company; so do whole styles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from export.cli import main
from export.gst import network, plain
from export.gst.shapes import BANDS, WIDTH, shapes
from export.gst.source import Source, structural_source, trained_source
from export.runtime.prosody.encoder import Encoder, run
from export.runtime.prosody.model import GRAPH, Model
from export.weights import WrongWeights
from tests.encoders import material

LENGTHS = (241, 1, 64, 65, 97)
CLOSE = 1e-5


@pytest.fixture(scope="session")
def style_source() -> Source:
    return structural_source(1)


@pytest.fixture(scope="session")
def style_folder(style_source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights folder of `gst`."""
    made = tmp_path_factory.mktemp("gst")
    network.write(made / GRAPH, style_source.weights)
    Model(style_source.digest[:16], True).save(made)
    return made


@pytest.fixture(scope="session")
def graph(style_folder: Path) -> Any:
    return onnxruntime.InferenceSession(str(style_folder / GRAPH), providers=["CPUExecutionProvider"])


def rows() -> list[NDArray[np.float32]]:
    bits = np.random.Generator(np.random.Philox(5))
    return [bits.standard_normal((length, BANDS)).astype(np.float32) for length in LENGTHS]


def test_it_is_what_the_equations_say_of_each_row_alone(graph: Any, style_source: Source) -> None:
    found = run(graph, rows())
    expected = np.stack([plain.tokens(one.astype(np.float64), style_source.weights) for one in rows()])
    assert found.shape == (len(LENGTHS), WIDTH)
    assert np.abs(found - expected).max() < CLOSE
    assert min(np.abs(found - np.roll(found, step, axis=0)).max() for step in range(1, len(LENGTHS))) > 100 * CLOSE


def test_a_batch_is_each_alone(graph: Any) -> None:
    together = run(graph, rows())
    alone = np.concatenate([run(graph, [one]) for one in rows()])
    assert np.abs(together - alone).max() < CLOSE


@pytest.mark.parametrize("garbage", [3e4, np.nan, np.inf])
def test_whatever_lies_behind_the_end_changes_nothing(graph: Any, garbage: float) -> None:
    one = rows()[2]
    longer = np.full((1, len(one) + 131, BANDS), garbage, np.float32)
    longer[0, : len(one)] = one
    found = graph.run(["tokens"], {"features": longer, "lengths": np.array([len(one)], np.int64)})[0]
    assert np.abs(found - run(graph, [one])).max() < CLOSE


def test_styles_do_not_depend_on_who_else_is_encoded(style_folder: Path) -> None:
    encoder = Encoder(style_folder)
    clips = material.of_lengths(0.5, 3.0, 1.01, 29.9, 2.2)
    together = encoder(clips)
    alone = np.concatenate([encoder([clip]) for clip in clips])
    assert together.shape == (5, 64)
    assert np.abs(together - alone).max() < CLOSE
    assert np.abs(np.linalg.norm(together, axis=1) - 1).max() < 1e-6


def test_a_graph_with_its_gates_in_another_order_is_not_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(network, "_by_gates", lambda array: array)
    assert main(["gst", "--structural", "tiny", "--out", str(tmp_path)]) == 1
    assert "does not compute what the checkpoint says" in capsys.readouterr().err
    assert not (tmp_path / "gst/1/weights").exists()


def test_the_export_is_whole_checked_and_not_done_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["gst", "--structural", "tiny", "--seed", "3", "--out", str(tmp_path)]
    assert main(words) == 0
    weights = tmp_path / "gst/1/weights"
    assert {path.name for path in weights.iterdir()} == {"gst.onnx", "model.json", "export.json"}
    assert (tmp_path / "gst/config.pbtxt").is_file()
    encoder = Encoder(weights)
    assert encoder.id == f"gst:{structural_source(3).digest[:16]}:structural"
    assert main(words) == 0
    assert "was ready already" in capsys.readouterr().out


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "trained.npz"
    tensors: dict[str, Any] = {name: np.zeros(shape, np.float32) for name, shape in shapes().items()}
    np.savez(file, **{name: one for name, one in tensors.items() if name != "gain"})
    with pytest.raises(WrongWeights, match="gain"):
        trained_source(file, {})
    np.savez(file, **{**tensors, "gain": np.zeros(2, np.float32)})
    with pytest.raises(WrongWeights, match=r"gain has the shape \(2,\), not \(1,\)"):
        trained_source(file, {})
