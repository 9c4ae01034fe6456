"""Each graph computes what the plain equations say, in any company; 8-bit weights nearly so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from export.identity import campplus, ecapa, plain
from export.identity.manifest import BANDS, SEGMENT
from export.identity.source import Source, structural_source
from export.runtime.identity import encoders
from export.runtime.identity.clips import Pcm
from export.runtime.identity.encoders import WINDOW, Encoder
from export.weights import DIRECTION, GAIN, Weights
from tests.encoders import material

Array = NDArray[Any]
LENGTHS = (61, 9, 140, 10)
"""Frames; 9 is the least at which every tap is mirrored within its own clip, with one to spare."""


def features(lengths: tuple[int, ...]) -> list[Array]:
    bits = np.random.Generator(np.random.Philox(5))
    return [(8 * bits.standard_normal((length, BANDS))).astype(np.float32) for length in lengths]


def ran(path: Path, clips: list[Array]) -> Array:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    lengths = np.array([len(one) for one in clips], np.int64)
    found: Array = session.run(None, {"features": np.concatenate(clips), "lengths": lengths})[0]
    return found


def test_ecapa_is_what_the_equations_say_of_each_clip_alone(source: Source, folder: Path) -> None:
    clips = features(LENGTHS)
    found = ran(folder / "encoder.onnx", clips)
    expected = np.stack([plain.ecapa(source.weights, one.astype(np.float64)) for one in clips])
    assert found.shape == (len(LENGTHS), 192)
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


class Louder:
    """Weights whose attention is so sure of itself that its exponentials would not fit."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def __getitem__(self, name: str) -> Array:
        return self._weights[name] * np.float32(120 if name == "asp.conv.conv.weight" else 1)

    def __contains__(self, name: object, /) -> bool:
        """No pairs of weight norm: those were folded already."""
        return not str(name).endswith((GAIN, DIRECTION))


def test_attention_that_is_sure_of_itself_stays_finite(source: Source, tmp_path: Path) -> None:
    weights = Weights(Louder(source.weights))
    assert np.abs(weights["asp.conv.conv.weight"]).sum(1).max() > ecapa.SAFE_SCORE
    ecapa.write_fp32(tmp_path / "encoder.onnx", weights, material.tiny_ecapa())
    clips = features((30, 12, 45))
    expected = np.stack([plain.ecapa(weights, one.astype(np.float64)) for one in clips])
    assert np.abs(ran(tmp_path / "encoder.onnx", clips) - expected).max() < 1e-4 * np.abs(expected).max()


def test_campplus_is_what_the_equations_say(campplus_folder: Path) -> None:
    weights = structural_source("campplus", "tiny", material.SEEDS[0]).weights
    heard = np.stack(features((campplus.FRAMES,) * 3))
    session = onnxruntime.InferenceSession(str(campplus_folder / "encoder.onnx"), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"features": heard})
    assert campplus.HALVED > SEGMENT, "there are two segments, of different lengths"
    for row, one in enumerate(heard):
        expected = plain.campplus(weights, one.astype(np.float64))
        assert np.abs(found[row] - expected).max() < 1e-5 * np.abs(expected).max()


def check_company(encoder: Encoder, clips: list[Pcm], bound: float) -> None:
    together = encoder(clips)
    alone = np.concatenate([encoder([clip]) for clip in clips])
    other = encoder(clips[::-1])[::-1]
    assert together.shape == (len(clips), 256)
    assert together.dtype == np.float32
    assert np.abs(np.linalg.norm(together, axis=1) - 1).max() < 1e-6
    assert np.abs(together - alone).max() < bound
    assert np.abs(together - other).max() < bound
    assert not together[:, 192:].any(), "192 numbers, filled up with zeros"
    nearest = np.abs(together[:, None] - together[None]).max(axis=2)[~np.eye(len(clips), dtype=bool)].min()
    assert nearest > 50 * bound, "vectors that differ, so that the bound says something"


@pytest.mark.parametrize(("precision", "bound"), [("fp32", 1e-6), ("8bit", 5e-5)])
def test_a_vector_knows_nothing_of_its_company(precision: Any, bound: float, folder: Path) -> None:
    """In 8 bits, what rounding of floats leaves between two levels may fall to either."""
    clips = material.of_lengths(0.5, 0.9, 1.3, 2.0, 0.61, 3.3, 1.1, 0.75)
    check_company(encoders.opened(folder, precision=precision), clips, bound)


def test_more_than_fits_is_done_in_turns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "FRAMES_AT_ONCE", 150)
    check_company(encoders.opened(folder), material.of_lengths(0.5, 0.9, 2.3, 0.61, 0.7), 1e-6)


def test_windows_know_nothing_of_each_other(campplus_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "WINDOWS_AT_ONCE", 3)
    check_company(encoders.opened(campplus_folder), material.of_lengths(0.5, 3.0, 7.1, 3.01, 2.0), 1e-6)


def test_windows_cover_a_clip_evenly() -> None:
    (whole,) = encoders.windows(np.arange(WINDOW, dtype=np.int16))
    assert len(whole) == WINDOW
    (short,) = encoders.windows(np.arange(8_000, dtype=np.int16))
    assert np.array_equal(short[8_000:16_000], short[:8_000]), "repeated"
    long = np.random.default_rng(0).integers(-9, 9, round(2.5 * WINDOW), np.int16)
    cut = encoders.windows(long)
    assert len(cut) == 3
    assert np.array_equal(cut[0], long[:WINDOW])
    assert np.array_equal(cut[1], long[round(0.75 * WINDOW) : round(1.75 * WINDOW)])
    assert np.array_equal(cut[2], long[-WINDOW:])


def test_a_clip_of_several_windows_is_their_mean(campplus_folder: Path) -> None:
    encoder = encoders.opened(campplus_folder)
    (clip,) = material.of_lengths(8.0)
    mean = encoder(encoders.windows(clip)).mean(axis=0)
    assert np.abs(encoder([clip])[0] - mean / np.linalg.norm(mean)).max() < 1e-6


def test_eight_bits_point_nearly_where_the_checkpoint_does(folder: Path) -> None:
    clips = material.of_lengths(0.5, 1.3, 2.0)
    exact, rounded = encoders.opened(folder), encoders.opened(folder, precision="8bit")
    assert rounded.id == f"{exact.id.removesuffix(':structural')}:8bit:structural"
    assert ((exact(clips) * rounded(clips)).sum(axis=1) > 0.999).all()
