"""Checkpoints as they are found: the published one, fine-tunes, spoilt ones and malicious ones."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from export.checkpoint import Checkpoint, CheckpointError
from export.runtime.xtts.config import TINY
from export.weights import DIRECTION, GAIN, Weights, WrongWeights, fold
from export.xtts import structural
from export.xtts.source import checkpoint_source
from tests.torch_file import Call, Global, Instance, Told, folder, save

SEED = 3
LARGE = ("gpt.text_embedding.weight", "gpt.text_head.weight")


@pytest.fixture(scope="session")
def tensors() -> dict[str, NDArray[Any]]:
    return dict(structural.tensors(TINY, SEED))


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, tensors: dict[str, NDArray[Any]]) -> Path:
    """As Coqui published it: objects of the reference's configuration beside the tensors."""
    args = Instance(Global("TTS.tts.models.xtts", "XttsArgs"), {"gpt_layers": 3})
    config = Instance(Global("TTS.tts.configs.xtts_config", "XttsConfig"), {"model_args": args, "speakers": []})
    return folder(tmp_path_factory.mktemp("published") / "xtts", {"config": config, "model": tensors}, TINY)


def respelt(tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """As older versions name them."""
    return {name.replace(GAIN, ".weight_g").replace(DIRECTION, ".weight_v"): array for name, array in tensors.items()}


def trained(tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """As its trainer leaves a fine-tune."""
    model = {f"xtts.{name}": array for name, array in respelt(tensors).items()}
    extra = np.zeros(4, np.float32)
    model |= {"dvae.encoder.0.weight": extra, "torch_mel_spectrogram_dvae.mel_stft.window": extra}
    model |= {"xtts.gpt.gpt_inference.embeddings.weight": extra, "xtts.gpt.gpt.h.0.attn.masked_bias": extra}
    loss = Call(
        Global("numpy.core.multiarray", "scalar"), Call(Global("numpy", "dtype"), "f8", False, True), "\0\0\0\0\0\0\0\0"
    )
    optimizer = {"state": {0: {"step": np.zeros(1, np.float32)}}, "param_groups": [{"betas": (0.9, 0.999)}]}
    return {"config": {"model": "xtts"}, "model": model, "optimizer": optimizer, "step": 9, "loss": {"train": loss}}


def test_the_published_one(published: Path, tensors: dict[str, NDArray[Any]]) -> None:
    source = checkpoint_source(published)
    assert source.config == TINY
    assert source.licensed
    assert np.array_equal(source.weights["mel_stats"], tensors["mel_stats"])
    up = "hifigan_decoder.waveform_decoder.ups.0"
    assert np.array_equal(source.weights[f"{up}.weight"], fold(tensors[up + GAIN], tensors[up + DIRECTION]))
    assert source.describe()["checkpoint"] == "xtts"


def test_a_fine_tune_as_its_trainer_leaves_it(
    published: Path, tensors: dict[str, NDArray[Any]], tmp_path: Path
) -> None:
    tuned = checkpoint_source(folder(tmp_path / "tuned", trained(tensors), TINY)).weights
    original = checkpoint_source(published).weights
    for name in ("gpt.gpt.h.2.mlp.c_fc.weight", "hifigan_decoder.waveform_decoder.resblocks.4.convs1.2.weight"):
        assert np.array_equal(tuned[name], original[name])


def test_weight_norm_that_is_folded_already(tensors: dict[str, NDArray[Any]], tmp_path: Path) -> None:
    whole = Weights(tensors)
    model = {name: array for name, array in tensors.items() if not name.endswith((GAIN, DIRECTION))}
    names = [name.removesuffix(GAIN) + ".weight" for name in tensors if name.endswith(GAIN)]
    model |= {name: whole[name] for name in names}
    weights = checkpoint_source(folder(tmp_path / "folded", {"model": model}, TINY)).weights
    assert all(np.array_equal(weights[name], whole[name]) for name in names)


def test_folding_gives_each_row_its_norm() -> None:
    direction = np.random.default_rng(0).normal(size=(5, 3, 7)).astype(np.float32)
    gain = np.arange(1, 6, dtype=np.float32).reshape(5, 1, 1)
    folded = fold(gain, direction)
    assert np.allclose(np.sqrt(np.square(folded).sum((1, 2))), [1, 2, 3, 4, 5])
    assert np.array_equal(fold(gain, np.zeros_like(direction)), np.zeros_like(direction)), "a dead row stays dead"


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_precisions(kind: type[np.floating[Any]], tensors: dict[str, NDArray[Any]], tmp_path: Path) -> None:
    name = "gpt.final_norm.weight"
    save({"model": {name: tensors[name].astype(kind)}}, tmp_path / "model.pth")
    found = Weights(Checkpoint(tmp_path / "model.pth"))[name]
    assert found.dtype == np.float32
    assert np.array_equal(found, tensors[name].astype(kind).astype(np.float32))


def test_bfloat16(tensors: dict[str, NDArray[Any]], tmp_path: Path) -> None:
    name = "gpt.final_norm.weight"
    halves = (tensors[name].view(np.uint32) >> 16).astype(np.uint16)
    save({"model": {name: halves}}, tmp_path / "model.pth")
    assert np.abs(Weights(Checkpoint(tmp_path / "model.pth"))[name] - tensors[name]).max() < 0.008


def test_numbers_that_are_none_are_named(tmp_path: Path) -> None:
    save({"model": {"gpt.a": np.array([1.0, np.nan], np.float32)}}, tmp_path / "model.pth")
    with pytest.raises(WrongWeights, match=r"gpt\.a has values that are no finite numbers"):
        Weights(Checkpoint(tmp_path / "model.pth"))["gpt.a"]


class Trap:
    """What a pickle must not be able to bring about."""

    sprung = False

    @classmethod
    def spring(cls, *_: object) -> None:
        cls.sprung = True


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("builtins", "eval"), ("builtins", "getattr"), (__name__, "Trap.spring"), ("torch.hub", "load")],
)
def test_a_poisoned_pickle_is_refused_and_not_run(module: str, name: str, tmp_path: Path) -> None:
    poison = Call(Global(module, name), f"touch {tmp_path}/sprung")
    save({"model": {"gpt.a": np.zeros(1, np.float32)}, "config": poison}, tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match="asks for") as refused:
        Checkpoint(tmp_path / "model.pth")
    assert f"{module}.{name}" in str(refused.value)
    assert not (tmp_path / "sprung").exists()
    assert not Trap.sprung


def test_stand_ins_do_nothing_that_a_pickle_tells_them(tmp_path: Path) -> None:
    inert = Global("TTS.config", "Anything")
    told = [Instance(inert, {"__class__": "x"}), Call(inert, 1, 2), Call(Global("collections", "defaultdict"), inert)]
    save({"model": {}, "config": told}, tmp_path / "model.pth")
    assert len(Checkpoint(tmp_path / "model.pth")) == 0


@pytest.mark.parametrize(
    "state",
    [{"offset": 10**9}, [("storage", "FloatStorage", "0", 4), 10**9, (4,), (1,)], (None, {"offset": 10**9})],
)
def test_a_tensor_cannot_be_told_afterwards_that_it_is_larger(state: object, tmp_path: Path) -> None:
    save({"model": {"a": Told(np.zeros(4, np.float32), state)}}, tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match="cut off, damaged or no torch checkpoint"):
        Checkpoint(tmp_path / "model.pth")


@pytest.mark.parametrize("kept", [0, 100, 40_000, 90_000_000])
def test_one_that_was_cut_off(kept: int, published: Path, tmp_path: Path) -> None:
    whole = (published / "model.pth").read_bytes()
    assert len(whole) > kept
    (tmp_path / "model.pth").write_bytes(whole[:kept])
    with pytest.raises(CheckpointError, match="is cut off, damaged or no torch checkpoint"):
        Checkpoint(tmp_path / "model.pth")


def test_one_with_a_flipped_bit(tensors: dict[str, NDArray[Any]], tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    save({"model": {"mel_stats": tensors["mel_stats"]}}, path)
    content = bytearray(path.read_bytes())
    content[content.index(tensors["mel_stats"].tobytes()) + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="the values of mel_stats do not match their checksum"):
        Checkpoint(path)["mel_stats"]


def test_one_whose_tensors_reach_beyond_their_storage(tmp_path: Path) -> None:
    class Bent(np.ndarray[Any, Any]):
        """Claims more than it has."""

    bent = np.zeros(4, np.float32).view(Bent)
    save({"model": {"a": bent}}, tmp_path / "model.pth")
    with zipfile.ZipFile(tmp_path / "model.pth") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["archive/data.pkl"] = entries["archive/data.pkl"].replace(b"K\x04\x85", b"K\x05\x85")
    with zipfile.ZipFile(tmp_path / "model.pth", "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    with pytest.raises(CheckpointError, match="a tensor is larger than its storage"):
        Checkpoint(tmp_path / "model.pth")


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: path.write_bytes(b"\x80\x02}q\x00." * 100), "no torch checkpoint"),
        (lambda path: save([1, 2], path), "holds no `model`"),
        (lambda path: _zip(path, zipfile.ZIP_STORED, "other.txt"), "is a zip archive but not a torch checkpoint"),
        (lambda path: _zip(path, zipfile.ZIP_DEFLATED, "archive/data.pkl"), "packed anew with compression"),
        (lambda path: _marked(path, 8, 1), "cut off, damaged or no torch checkpoint .*encrypted"),
        (lambda path: _marked(path, 6, 99), "cut off, damaged or no torch checkpoint .*version"),
    ],
)
def test_what_is_no_checkpoint(write: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    write(tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match=said):
        Checkpoint(tmp_path / "model.pth")


def _zip(path: Path, compression: int, name: str) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(name, b"text " * 100)


def _marked(path: Path, offset: int, mark: int) -> None:
    """A checkpoint with another byte in every entry of its archive's directory."""
    save({"model": {}}, path)
    content = bytearray(path.read_bytes())
    at = -1
    while (at := content.find(b"PK\x01\x02", at + 1)) >= 0:
        content[at + offset] = mark
    path.write_bytes(content)


def small(tensors: dict[str, NDArray[Any]], **changes: NDArray[Any] | None) -> dict[str, Any]:
    """All tensors as views of next to nothing, since only names and shapes are looked at; None takes one out."""
    shapes = {name: np.zeros(array.shape, array.dtype) for name, array in tensors.items()}
    merged: dict[str, Any] = {**shapes, **changes}
    return {"model": {name: array for name, array in merged.items() if array is not None}}


HEAD = "gpt.mel_head.weight"
UP = "hifigan_decoder.waveform_decoder.ups.1"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({HEAD: None, "gpt.head.weight": np.zeros(1, np.float32)}, r"1 missing \(gpt.mel_head.weight\), 1 unknown"),
        ({HEAD: np.zeros((1026, 32), np.float32)}, r"mel_head.weight is \(1026, 32\), not \(1026, 64\)"),
        ({"gpt.gpt.h.3.ln_1.weight": np.zeros(64, np.float32)}, r"unknown \(gpt.gpt.h.3.ln_1.weight\)"),
        ({UP + GAIN: None}, r"missing \(.*ups.1.weight\)"),
        ({UP + GAIN: np.zeros((1, 256, 1), np.float32)}, r"missing \(.*ups.1.weight\)"),
        ({"gpt.prompt_embedding.weight": np.zeros((2, 64), np.float32)}, "is XTTS v1"),
    ],
)
def test_one_of_another_architecture(
    changes: dict[str, Any], said: str, tensors: dict[str, NDArray[Any]], tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=said):
        checkpoint_source(folder(tmp_path / "other", small(tensors, **changes), TINY))


@pytest.mark.parametrize("name", ["model.pth", "config.json", "vocab.json"])
def test_a_missing_file_is_named(name: str, published: Path, tmp_path: Path) -> None:
    for file in published.iterdir():
        if file.name != name:
            (tmp_path / file.name).hardlink_to(file)
    with pytest.raises(CheckpointError, match=f"{name} missing"):
        checkpoint_source(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gpt_use_perceiver_resampler": False, "gpt_num_audio_tokens": 8194}, "is XTTS v1 by its config.json"),
        ({"gpt_layers": 24}, "not the XTTS v2 model that its config.json and vocab.json describe"),
        ({"gpt_layers": None}, "describes no XTTS model"),
        ({"decoder_input_dim": 128}, "the vocoder takes 128"),
        ({"d_vector_dim": 256}, "d_vector_dim is 256, XTTS v2 has 512"),
        ({"gpt_start_audio_token": 5000}, "start_audio is 5000, not one of 1026 tokens"),
        ({"gpt_stop_audio_token": 1026}, "stop_audio is 1026, not one of 1026 tokens"),
    ],
)
def test_sizes_that_do_not_fit(change: dict[str, Any], said: str, published: Path, tmp_path: Path) -> None:
    refused_with({"model_args": change}, said, published, tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sound_norm_refs": True}, "asks for recordings to be scaled"),
        ({"top_k": 50.0}, "top_k is 50.0, not a whole number"),
        ({"temperature": None}, "temperature is None, not a number"),
    ],
)
def test_settings_that_do_not_fit(change: dict[str, Any], said: str, published: Path, tmp_path: Path) -> None:
    refused_with(change, said, published, tmp_path)


def refused_with(change: dict[str, Any], said: str, published: Path, tmp_path: Path) -> None:
    for name in ("model.pth", "vocab.json"):
        (tmp_path / name).hardlink_to(published / name)
    stored = json.loads((published / "config.json").read_text())
    stored |= {**change, "model_args": stored["model_args"] | change.get("model_args", {})}
    (tmp_path / "config.json").write_text(json.dumps(stored))
    with pytest.raises(CheckpointError, match=said):
        checkpoint_source(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.json", "{", "config.json is not JSON"),
        ("config.json", "[]", "config.json is not a JSON object"),
        ("config.json", '{"model": "vits", "model_args": {}}', "is not that of an XTTS model"),
        ("config.json", '{"model_args": {"gpt_use_perceiver_resampler": true}}', "'gpt_layers' is missing"),
        ("vocab.json", '{"model": {"vocab": {"a": 1}}}', r"'\[START\]' is missing"),
        ("vocab.json", '{"model": {"vocab": {"a": "x"}}}', "is not the tokenizer of an XTTS model"),
        ("vocab.json", "{}", "is not the tokenizer of an XTTS model"),
    ],
)
def test_files_of_something_else(name: str, content: str, said: str, published: Path, tmp_path: Path) -> None:
    for file in published.iterdir():
        (tmp_path / file.name).hardlink_to(file)
    (tmp_path / name).unlink()
    (tmp_path / name).write_text(content)
    with pytest.raises(CheckpointError, match=said):
        checkpoint_source(tmp_path)
