"""Which files the weights folders of XTTS v2 consist of, and who writes and checks each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from pathlib import Path

import numpy as np

from export.checking import WrongGraph
from export.parts import Part
from export.runtime.weights import WeightsError
from export.runtime.xtts import config as configs
from export.runtime.xtts.config import ModelConfig
from export.runtime.xtts.vocoder import FILES
from export.weights import Weights
from export.xtts import conditioning, gpt, manifest, speaker, vocoder
from export.xtts.check import Checks
from export.xtts.source import Source

TABLES: Mapping[str, str] = {
    "text_embedding.npy": "gpt.text_embedding.weight",
    "mel_embedding.npy": "gpt.mel_embedding.weight",
    "text_positions.npy": "gpt.text_pos_embedding.emb.weight",
    "mel_positions.npy": "gpt.mel_pos_embedding.emb.weight",
}

BYTES_IN_BLOCKS, BYTES_ELSEWHERE = 9, 5
"""That a weight takes in all files together. In the GPT's blocks 4 in float32, 2 in float16 and a little over 1 for
each of the two in 8 bits; elsewhere 4, and what graphs take besides."""

_OF_VOICES = ("mel_stats", "gpt.conditioning_", "hifigan_decoder.speaker_encoder.")
"""What the tensors of `xtts_conditioning` begin with; the others are `xtts_v2`'s."""

SPEAKER_BANDS = "hifigan_decoder.speaker_encoder.torch_spec.1.mel_scale.fb"
"""The filters of the speaker encoder's mel spectrogram, computed once, when it was made."""


def plan(source: Source) -> Mapping[str, Sequence[Part]]:
    """The parts of each model of the repository."""
    weights, config = source.weights, source.config
    checks = Checks(weights, config)
    described = Part(("model.json",), partial(_describe, config))
    return {
        "xtts_v2": [
            described,
            Part(("vocab.json",), lambda path: source.save_vocabulary(path.parent)),
            *(Part((file,), partial(_table, weights, name)) for file, name in TABLES.items()),
            Part(("gpt.onnx", "gpt.bin"), lambda path: gpt.write_fp32(path, weights, config), checks.gpt),
            Part(
                ("gpt-8bit.onnx", "gpt-8bit.bin"),
                lambda path: gpt.write_8bit(path, weights, config),
                checks.gpt,
                exact=False,
            ),
            Part(
                ("gpt-prefill.onnx", "gpt-prefill.bin"),
                lambda path: gpt.write_prefill(path, weights, config),
                checks.prefill,
                exact=False,
            ),
            Part(
                ("gpt-fp16.onnx", "gpt-fp16.bin"),
                lambda path: gpt.write_fp16(path, weights, config),
                checks.gpt,
                exact=False,
                instead="use gpt.onnx or gpt-8bit.onnx",
            ),
            Part(FILES, lambda path: vocoder.write(path, weights, config), checks.vocoder),
        ],
        "xtts_conditioning": [
            described,
            Part(("mel_stats.npy",), partial(_table, weights, "mel_stats")),
            Part(("speaker_bands.npy",), partial(_table, weights, SPEAKER_BANDS)),
            Part(("conditioning.onnx",), lambda path: conditioning.write(path, weights, config), checks.conditioning),
            Part(("speaker.onnx",), lambda path: speaker.write(path, weights, config), checks.speaker),
        ],
    }


def room(config: ModelConfig) -> Mapping[str, int]:
    """Bytes that the files of each model take, rounded up."""
    taken = {"xtts_v2": 0, "xtts_conditioning": 0}
    for name, shape in manifest.folded(config).items():
        each = BYTES_IN_BLOCKS if name.startswith("gpt.gpt.h.") else BYTES_ELSEWHERE
        taken["xtts_conditioning" if name.startswith(_OF_VOICES) else "xtts_v2"] += prod(shape) * each
    return taken


def _describe(config: ModelConfig, path: Path) -> None:
    """Write `model.json`, and read it as what runs the model will."""
    config.save(path.parent)
    try:
        configs.load(path.parent)
    except WeightsError as error:
        raise WrongGraph(f"{path.name} cannot be read again, report it: {error}") from error


def _table(weights: Weights, name: str, path: Path) -> None:
    np.save(path, weights[name])
