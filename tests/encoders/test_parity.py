"""ECAPA is speechbrain's of the clip alone: by kept answers of tiny networks, by new ones in `make parity-encoders`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.identity import campplus, ecapa
from export.identity.source import structural_source
from export.runtime.identity import encoders
from export.runtime.identity.encoders import WINDOW
from tests.encoders import asking, material

VECTORS = 1e-4


@pytest.fixture(scope="session", params=["kept", "live"] if asking.LIVE else ["kept"])
def answers(request: pytest.FixtureRequest) -> asking.Answers:
    """The references' answers for the tiny networks."""
    return asking.kept() if request.param == "kept" else asking.asked()


@pytest.mark.parametrize("seed", material.SEEDS)
def test_vectors_of_clips_in_company_are_those_of_each_alone(
    answers: asking.Answers, seed: int, tmp_path: Path
) -> None:
    source = structural_source("ecapa_tdnn", "tiny", seed)
    ecapa.write_fp32(tmp_path / "encoder.onnx", source.weights, material.tiny_ecapa())
    source.model.save(tmp_path)
    encoder = encoders.opened(tmp_path)
    assert isinstance(encoder, encoders.Ecapa)
    names, clips = zip(*material.clips(), strict=True)
    found = encoder.native(clips)
    expected = np.stack([answers[f"vectors/{seed}/{name}"] for name in names])
    off = np.abs(found - expected).max(axis=1)
    print(dict(zip(names, off.tolist(), strict=True)), np.linalg.norm(expected, axis=1))
    assert off.max() < VECTORS
    assert np.abs(expected - expected[0]).max() > 100 * VECTORS, "vectors that differ, so that the bound says something"


@pytest.mark.parametrize("seed", material.SEEDS)
def test_windows_are_what_3d_speaker_says_of_each(answers: asking.Answers, seed: int, tmp_path: Path) -> None:
    source = structural_source("campplus", "tiny", seed)
    campplus.write(tmp_path / "encoder.onnx", source.weights, material.tiny_campplus())
    source.model.save(tmp_path)
    compare_windows(tmp_path, answers, str(seed))


def compare_windows(folder: Path, answers: asking.Answers, which: str) -> None:
    encoder = encoders.opened(folder, threads=2)
    assert isinstance(encoder, encoders.Campplus)
    names, clips = zip(*material.clips(), strict=True)
    found = encoder.native([np.resize(clip, WINDOW) for clip in clips])
    expected = np.stack([answers[f"windows/{which}/{name}"] for name in names])
    off = np.abs(found - expected).max(axis=1)
    print(dict(zip(names, off.tolist(), strict=True)), np.linalg.norm(expected, axis=1))
    assert off.max() < VECTORS * np.abs(expected).max()
    assert np.abs(expected - expected[0]).max() > 100 * VECTORS * np.abs(expected).max()


def test_what_is_kept_is_small() -> None:
    assert asking.KEPT.stat().st_size < asking.LARGEST_B
