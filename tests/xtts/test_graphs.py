"""Each graph computes what the plain equations say, alone and in a batch; quantised ones nearly so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from export.quantise import BLOCK
from export.runtime.xtts.config import TINY, ModelConfig
from export.runtime.xtts.vocoder import COLUMNS, FILES
from export.weights import Weights
from export.xtts import conditioning, gpt, plain, speaker, structural, vocoder
from export.xtts.cached import Cached
from export.xtts.parts import TABLES
from tests.xtts import mates

Array = NDArray[Any]

WEIGHTS = Weights(structural.tensors(TINY, 1))
POSITIONS = 24


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def noise(*shape: int, seed: int = 0) -> Array:
    return np.random.Generator(np.random.Philox(seed)).standard_normal(shape)


@pytest.mark.parametrize(
    ("write", "relative"),
    [(gpt.write_fp32, 1e-6), (gpt.write_8bit, 0.015), (gpt.write_prefill, 0.02), (gpt.write_fp16, 0.001)],
)
def test_the_gpt_in_one_go(
    write: Callable[[Path, Weights, ModelConfig], None], relative: float, tmp_path: Path
) -> None:
    write(tmp_path / "gpt.onnx", WEIGHTS, TINY)
    x = noise(POSITIONS, TINY.width)
    latents, logits = Cached(tmp_path / "gpt.onnx", TINY)(x[None], [POSITIONS])
    expected, scores = plain.gpt(WEIGHTS, TINY, x)
    assert rms(latents[0] - expected) < relative * rms(expected)
    assert rms(logits[0] - scores[-1]) < relative * rms(scores[-1])


def rms(array: Array) -> float:
    return float(np.sqrt(np.square(array).mean()))


def test_the_gpt_step_by_step_with_rows_of_different_lengths(tmp_path: Path) -> None:
    gpt.write_fp32(tmp_path / "gpt.onnx", WEIGHTS, TINY)
    model = Cached(tmp_path / "gpt.onnx", TINY, rows=3)
    starts = [9, 3, 14]
    x = noise(3, POSITIONS, TINY.width)
    for row, start in enumerate(starts):
        alone = Cached(tmp_path / "gpt.onnx", TINY)
        alone(x[row : row + 1, :start], [start])
        for name, array in alone.cache.items():
            model.cache[name][row] = array[0]
    expected = [plain.gpt(WEIGHTS, TINY, row) for row in x]
    for step in range(POSITIONS - max(starts)):
        at = [start + step for start in starts]
        latents, logits = model(np.stack([x[row, one] for row, one in enumerate(at)])[:, None], [one + 1 for one in at])
        for row, one in enumerate(at):
            assert np.abs(latents[row, 0] - expected[row][0][one]).max() < 3e-6
            assert np.abs(logits[row] - expected[row][1][one]).max() < 1e-5


def test_rows_in_eight_bits_know_nothing_of_each_other(tmp_path: Path) -> None:
    gpt.write_8bit(tmp_path / "gpt.onnx", WEIGHTS, TINY)
    x = noise(4, 1, TINY.width) * np.array([1.0, 100.0, 0.01, 5.0])[:, None, None]
    together, _ = Cached(tmp_path / "gpt.onnx", TINY, rows=4)(x, [1] * 4)
    for row in range(4):
        alone, _ = Cached(tmp_path / "gpt.onnx", TINY)(x[row : row + 1], [1])
        assert np.array_equal(alone[0], together[row])


def test_rows_of_several_blocks_know_nothing_of_each_other(tmp_path: Path) -> None:
    """As the full size has them: sums over blocks of weights, and rows wherever they are in their utterances."""
    config = replace(TINY, width=4 * BLOCK, decoder_input=4 * BLOCK)
    weights = Weights(structural.tensors(config, 1))
    gpt.write_8bit(tmp_path / "gpt-8bit.onnx", weights, config)
    for file, tensor in TABLES.items():
        np.save(tmp_path / file, weights[tensor])
    assert mates.unlike_alone(tmp_path, config) == []
    gpt.write_prefill(tmp_path / "gpt-8bit.onnx", weights, config)  # scales activations of all rows together
    assert {count for count, _, _ in mates.unlike_alone(tmp_path, config)} == set(mates.TOGETHER)


def test_the_vocoder(tmp_path: Path) -> None:
    coarse, fine = (tmp_path / name for name in FILES)
    vocoder.write(coarse, WEIGHTS, TINY)
    frames, vector = noise(2, TINY.decoder_input, 3), noise(2, TINY.speaker_width) / 22
    given = {"frames": frames.astype(np.float32), "speaker": vector.astype(np.float32)}
    (columns,) = session(coarse).run(["columns"], given)
    assert columns.shape == (2, 256, 3 * COLUMNS)
    (pcm,) = session(fine).run(["pcm"], {"columns": columns, "speaker": given["speaker"]})
    assert pcm.shape == (2, 3 * TINY.hop)
    for row in range(2):
        expected = plain.vocoder(WEIGHTS, frames[row], vector[row])
        assert rms(expected) > 0.01, "about as loud as speech, so that the tolerance means something"
        assert np.abs(pcm[row] - expected).max() < 1e-6


@pytest.mark.parametrize("frames", [1, 33])
def test_the_conditioning_encoder(frames: int, tmp_path: Path) -> None:
    conditioning.write(tmp_path / "conditioning.onnx", WEIGHTS, TINY)
    mel = noise(2, 80, frames)
    (latents,) = session(tmp_path / "conditioning.onnx").run(["latents"], {"mel": mel.astype(np.float32)})
    assert latents.shape == (2, 32, TINY.width)
    for row in range(2):
        assert np.abs(latents[row] - plain.conditioning(WEIGHTS, TINY, mel[row])).max() < 1e-5


@pytest.mark.parametrize("frames", [30, 45])
def test_the_speaker_encoder(frames: int, tmp_path: Path) -> None:
    speaker.write(tmp_path / "speaker.onnx", WEIGHTS, TINY)
    mel = np.exp(3 * noise(2, 64, frames)).astype(np.float32)
    (vectors,) = session(tmp_path / "speaker.onnx").run(["speaker"], {"mel": mel})
    assert vectors.shape == (2, 512)
    for row in range(2):
        assert np.abs(vectors[row] - plain.speaker(WEIGHTS, mel[row].astype(np.float64))).max() < 1e-6
