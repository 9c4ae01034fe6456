"""The tiny networks with random weights, written once for all tests of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.identity import campplus, ecapa
from export.identity.source import Source, structural_source
from tests.encoders import asking, material

collect_ignore = [] if asking.LIVE else ["test_live.py"]


@pytest.fixture(scope="session")
def source() -> Source:
    return structural_source("ecapa_tdnn", "tiny", material.SEEDS[0])


@pytest.fixture(scope="session")
def folder(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights folder of `ecapa_tdnn`."""
    made = tmp_path_factory.mktemp("ecapa_tdnn")
    ecapa.write_fp32(made / "encoder.onnx", source.weights, material.tiny_ecapa())
    ecapa.write_8bit(made / "encoder-8bit.onnx", source.weights, material.tiny_ecapa())
    source.model.save(made)
    return made


@pytest.fixture(scope="session")
def campplus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights folder of `campplus`."""
    made = tmp_path_factory.mktemp("campplus")
    source = structural_source("campplus", "tiny", material.SEEDS[0])
    campplus.write(made / "encoder.onnx", source.weights, material.tiny_campplus())
    source.model.save(made)
    return made
