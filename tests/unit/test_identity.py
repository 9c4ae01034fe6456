"""Encoders of speakers as far as no graph is run: whose checkpoints they take, what they hear, what they are called."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from export.checkpoint import CheckpointError
from export.identity import manifest
from export.identity.manifest import COUNTER, FULL, TINY
from export.identity.source import checkpoint_source, structural_source
from export.identity.structural import Structural
from export.runtime.identity.clips import checked
from export.runtime.identity.features import CampplusFeatures, EcapaFeatures
from export.runtime.identity.model import Model, Network, load
from export.runtime.weights import WeightsError
from tests.encoders import asking, material
from tests.torch_file import save

Tensors = dict[str, NDArray[Any]]


def parameters(network: str) -> int:
    shapes = manifest.shapes(FULL[network])
    return sum(
        prod(shape) for name, shape in shapes.items() if not name.endswith((COUNTER, "running_mean", "running_var"))
    )


def test_the_manifests_are_those_of_the_references() -> None:
    assert round(parameters("ecapa_tdnn") / 1e6, 2) == 20.77, "as counted in speechbrain"
    assert round(parameters("campplus") / 1e6, 2) == 6.85, "as counted in 3D-Speaker"
    assert manifest.shapes(FULL["ecapa_tdnn"])["blocks.2.res2net_block.blocks.6.conv.conv.weight"] == (128, 128, 3)


def test_the_same_seed_gives_the_same_bits() -> None:
    array = Structural(TINY["ecapa_tdnn"], 7)["blocks.1.tdnn1.conv.conv.weight"]
    assert array.dtype == np.float32
    assert hashlib.sha256(array.tobytes()).hexdigest()[:16] == "41e29be2ff44e292"


@pytest.mark.parametrize("front_end", [EcapaFeatures(), CampplusFeatures()], ids=["ecapa", "campplus"])
def test_what_the_networks_hear_is_what_they_were_trained_behind(front_end: Any) -> None:
    """speechbrain's features in decibels, Kaldi's natural logarithms, by the references' own kept answers."""
    answers, kind = asking.kept(), "ecapa" if isinstance(front_end, EcapaFeatures) else "campplus"
    loudest = 0.0
    for name, pcm in material.heard():
        expected = answers[f"features/{kind}/{name}"]
        found = front_end(pcm)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < 5e-4, name
        loudest = max(loudest, float(np.abs(expected).max()))
    assert loudest > 5, "there are loud and quiet places, so that the bound says something"


@pytest.fixture(scope="module", params=["ecapa_tdnn", "campplus"])
def network(request: pytest.FixtureRequest) -> Network:
    found: Network = request.param
    return found


@pytest.fixture(scope="module")
def tensors(network: Network) -> Tensors:
    return dict(Structural(TINY[network], 1))


def test_a_checkpoint_s_sizes_are_its_own(network: Network, tensors: Tensors, tmp_path: Path) -> None:
    path = tmp_path / "one.ckpt"
    save({name: array for name, array in tensors.items() if not name.endswith(COUNTER)}, path)
    source = checkpoint_source(network, path)
    assert source.sizes == TINY[network]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert source.model == Model(network, 192, digest[:16], structural=False)
    name = next(iter(tensors))
    assert np.array_equal(source.weights[name], tensors[name])


def without_last(tensors: Tensors) -> Tensors:
    return {
        name: array
        for name, array in tensors.items()
        if not name.endswith(("fc.conv.bias", "out_nonlinear.batchnorm.bias"))
    }


def with_more(tensors: Tensors) -> Tensors:
    return tensors | {"classifier.weight": np.zeros(3, np.float32)}


def bent(tensors: Tensors) -> Tensors:
    name = list(tensors)[-5]
    return tensors | {name: np.zeros((3, 3), np.float32)}


def flat(tensors: Tensors) -> Tensors:
    return {name: array.reshape(-1) for name, array in tensors.items()}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_last, "1 missing ("),
        (with_more, "1 unknown (classifier.weight)"),
        (bent, "is (3, 3), not"),
        (flat, "its tensors have other shapes"),
        (lambda _: {"a": np.zeros(1, np.float32)}, "it has no '"),
    ],
)
def test_another_s_checkpoint_is_refused_by_its_keys_and_shapes(
    spoil: Callable[[Tensors], Tensors], said: str, network: Network, tensors: Tensors, tmp_path: Path
) -> None:
    path = tmp_path / "one.ckpt"
    save(spoil(tensors), path)
    with pytest.raises(CheckpointError) as refused:
        checkpoint_source(network, path)
    assert said in str(refused.value)
    assert f"{path} is no " in str(refused.value)
    assert "; give the " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_checkpoint_too_wide_is_refused(tmp_path: Path) -> None:
    tensors = dict(Structural(TINY["ecapa_tdnn"], 1))
    save(tensors | {"fc.conv.weight": np.zeros((257, 96, 1), np.float32)}, tmp_path / "wide.ckpt")
    with pytest.raises(CheckpointError, match="its vectors have 257 numbers, more than 256"):
        checkpoint_source("ecapa_tdnn", tmp_path / "wide.ckpt")


def test_ids_tell_apart_what_is_not_to_be_compared(tmp_path: Path) -> None:
    real = Model("campplus", 192, "0123456789abcdef", structural=False)
    assert real.id("fp32") == "campplus:192:0123456789abcdef"
    assert real.id("8bit") == "campplus:192:0123456789abcdef:8bit"
    made = [structural_source("ecapa_tdnn", "tiny", seed).model for seed in (1, 2)]
    ids = {one.id(precision) for one in made for precision in ("fp32", "8bit")}
    assert len(ids) == 4
    assert all(one.endswith(":structural") for one in ids)
    real.save(tmp_path)
    assert load(tmp_path) == real


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"network": "vggvox"}, "network is 'vggvox'"),
        ({"native_width": 512}, "native_width is 512, not 1 to 256"),
        ({"native_width": True}, "native_width is True"),
        ({"digest": "x"}, "digest is 'x'"),
        ({"structural": "no"}, "structural is 'no'"),
        ({"colour": 1}, "it must say digest, native_width, network, structural and nothing else"),
    ],
)
def test_a_description_of_something_else(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    Model("campplus", 192, "0123456789abcdef", structural=False).save(tmp_path)
    stored = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(stored | change))
    with pytest.raises(WeightsError, match="describes no encoder of speakers") as error:
        load(tmp_path)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("pcm", "said"),
    [
        (np.zeros(0, np.int16), "the recording lasts 0.00 s: give 0.5 to 30 s of one voice"),
        (np.ones(7_999, np.int16), "the recording lasts 0.50 s"),
        (np.ones(480_001, np.int16), "the recording lasts 30.00 s"),
        (np.full(16_000, -3, np.int16), "the recording is silent"),
        (np.zeros(16_000, np.float32), "PCM must hold int16 samples"),
        (np.zeros((2, 16_000), np.int16), "PCM must hold int16 samples of one channel"),
        (None, "PCM must hold int16 samples"),
    ],
)
def test_what_tells_nobody_is_refused(pcm: NDArray[Any] | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked(pcm)


@pytest.mark.parametrize("samples", [8_000, 480_000])
def test_the_shortest_and_the_longest_are_heard(samples: int) -> None:
    pcm = np.arange(samples).astype(np.int16)
    assert checked(pcm) is pcm
