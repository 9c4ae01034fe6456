"""What is asked of the references each time (`make parity-encoders`): an ECAPA of the full size, the trained CAM++."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.identity import campplus, ecapa, manifest
from export.identity.manifest import Campplus, Ecapa
from export.identity.source import checkpoint_source, structural_source
from export.runtime.identity import encoders
from export.setup.cache import Cache
from tests.encoders import asking, material
from tests.encoders.test_parity import VECTORS, compare_windows

SEED = 3


@pytest.fixture(scope="module")
def answers() -> asking.Answers:
    return asking.asked("--full", str(SEED))


def test_the_trained_campplus(answers: asking.Answers, tmp_path: Path) -> None:
    source = checkpoint_source("campplus", Cache.default().campplus)
    assert isinstance(source.sizes, Campplus)
    campplus.write(tmp_path / "encoder.onnx", source.weights, source.sizes)
    source.model.save(tmp_path)
    compare_windows(tmp_path, answers, "trained")


def test_ecapa_in_its_full_size(answers: asking.Answers, tmp_path: Path) -> None:
    source, sizes = structural_source("ecapa_tdnn", "full", SEED), manifest.FULL["ecapa_tdnn"]
    assert isinstance(sizes, Ecapa)
    ecapa.write_fp32(tmp_path / "encoder.onnx", source.weights, sizes)
    source.model.save(tmp_path)
    names, clips = zip(*material.clips(), strict=True)
    encoder = encoders.opened(tmp_path, threads=2)
    assert isinstance(encoder, encoders.Ecapa)
    expected = np.stack([answers[f"vectors/{SEED}/{name}"] for name in names])
    off = np.abs(encoder.native(clips) - expected).max()
    print(f"full size: {off:.2g} of vectors {np.linalg.norm(expected, axis=1).mean():.1f} long")
    assert off < VECTORS
