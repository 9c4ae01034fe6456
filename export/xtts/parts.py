"""Which files the weights folders of XTTS v2 consist of, and who writes and checks each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from export.xtts import conditioning, gpt, speaker, vocoder
from export.xtts.check import Check, Checks
from export.xtts.source import Source
from export.xtts.weights import Weights


@dataclass(frozen=True, slots=True)
class Part:
    """One or two files that are written together."""

    files: tuple[str, ...]
    write: Callable[[Path], None]
    """Writes the first of them to that path, and the others beside it."""
    check: Check | None = None
    exact: bool = True
    """Whether rounding in float32 is all that may differ from the checkpoint."""


TABLES: Mapping[str, str] = {
    "text_embedding.npy": "gpt.text_embedding.weight",
    "mel_embedding.npy": "gpt.mel_embedding.weight",
    "text_positions.npy": "gpt.text_pos_embedding.emb.weight",
    "mel_positions.npy": "gpt.mel_pos_embedding.emb.weight",
}

SPEAKER_BANDS = "hifigan_decoder.speaker_encoder.torch_spec.1.mel_scale.fb"
"""The filters of the speaker encoder's mel spectrogram, computed once, when it was made."""


def plan(source: Source) -> Mapping[str, Sequence[Part]]:
    """The parts of each model of the repository."""
    weights, config = source.weights, source.config
    checks = Checks(weights, config)
    described = Part(("model.json",), lambda path: config.save(path.parent))
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
            ),
            Part(("vocoder.onnx",), lambda path: vocoder.write(path, weights, config), checks.vocoder),
        ],
        "xtts_conditioning": [
            described,
            Part(("mel_stats.npy",), partial(_table, weights, "mel_stats")),
            Part(("speaker_bands.npy",), partial(_table, weights, SPEAKER_BANDS)),
            Part(("conditioning.onnx",), lambda path: conditioning.write(path, weights, config), checks.conditioning),
            Part(("speaker.onnx",), lambda path: speaker.write(path, weights, config), checks.speaker),
        ],
    }


def _table(weights: Weights, name: str, path: Path) -> None:
    np.save(path, weights[name])
