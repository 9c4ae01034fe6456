"""The tiny model with random weights, exported once for all tests of a run."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import numpy as np
import pytest

from export.runtime.xtts.config import TINY
from export.runtime.xtts.vocoder import FILES
from export.weights import Weights
from export.xtts import conditioning, gpt, speaker, structural, vocoder
from export.xtts.parts import SPEAKER_BANDS, TABLES
from tests.xtts import asking

# How long one example takes is the machine's affair.
hypothesis.settings.register_profile("dragoman", deadline=None)
hypothesis.settings.load_profile("dragoman")

collect_ignore = [] if asking.LIVE else ["test_live.py"]

SEED = 1


@pytest.fixture(scope="session")
def weights() -> Weights:
    return Weights(structural.tensors(TINY, SEED))


@pytest.fixture(scope="session")
def folder(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights folder of `xtts_v2`."""
    made = tmp_path_factory.mktemp("xtts_v2")
    gpt.write_fp32(made / "gpt.onnx", weights, TINY)
    gpt.write_8bit(made / "gpt-8bit.onnx", weights, TINY)
    gpt.write_fp16(made / "gpt-fp16.onnx", weights, TINY)
    gpt.write_prefill(made / "gpt-prefill.onnx", weights, TINY)
    vocoder.write(made / FILES[0], weights, TINY)
    for file, tensor in TABLES.items():
        np.save(made / file, weights[tensor])
    structural.save_vocabulary(made)
    TINY.save(made)
    return made


@pytest.fixture(scope="session")
def conditioning_folder(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights folder of `xtts_conditioning`."""
    made = tmp_path_factory.mktemp("xtts_conditioning")
    conditioning.write(made / "conditioning.onnx", weights, TINY)
    speaker.write(made / "speaker.onnx", weights, TINY)
    np.save(made / "mel_stats.npy", weights["mel_stats"])
    np.save(made / "speaker_bands.npy", weights[SPEAKER_BANDS])
    TINY.save(made)
    return made
