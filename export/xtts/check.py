"""Runs a file that was just written, and says how far it is from the plain equations on the same weights.

Knows onnxruntime; knows nothing of files' places.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from export.checking import Figures, difference, noise, relative, run
from export.runtime.xtts.config import ModelConfig
from export.runtime.xtts.vocoder import FILES
from export.weights import Weights
from export.xtts import manifest, plain
from export.xtts.cached import Cached
from export.xtts.plain import Double

PREFIX, STEPS = 20, 6
"""Positions that go in at once, and those after them, one by one."""
FRAMES, MEL_FRAMES = 4, 24


class Checks:
    """The checks of one model's files; what they are compared with is computed once."""

    def __init__(self, weights: Weights, config: ModelConfig) -> None:
        self._weights, self._config = weights, config

    def gpt(self, path: Path) -> Figures:
        """A prefix, then steps on its keys and values, against the same positions in one go."""
        x, expected, scores = self._gpt
        return self._compared(self._found(path, x, [PREFIX, *range(PREFIX + 1, len(x) + 1)]), expected, scores)

    def prefill(self, path: Path) -> Figures:
        """The same positions in one go."""
        x, expected, scores = self._gpt
        return self._compared(self._found(path, x, [len(x)]), expected, scores)

    def vocoder(self, path: Path) -> Figures:
        frames = noise(self._config.decoder_input, FRAMES)
        vector = noise(self._config.speaker_width) / self._config.speaker_width**0.5
        columns = _alone(path, frames=frames, speaker=vector)
        pcm = _alone(path.with_name(FILES[1]), columns=columns, speaker=vector)
        return difference(pcm, plain.vocoder(self._weights, frames, vector))

    def conditioning(self, path: Path) -> Figures:
        mel = noise(manifest.MEL_BANDS, MEL_FRAMES)
        latents = _alone(path, mel=mel)
        return difference(latents, plain.conditioning(self._weights, self._config, mel))

    def speaker(self, path: Path) -> Figures:
        mel = np.exp(3 * noise(manifest.SPEAKER_BANDS, MEL_FRAMES)).astype(np.float32).astype(np.float64)
        vector = _alone(path, mel=mel)
        return difference(vector, plain.speaker(self._weights, mel))

    @cached_property
    def _gpt(self) -> tuple[Double, Double, Double]:
        """Conditioning, text and audio positions as they occur, and what they give."""
        config, positions = self._config, PREFIX + STEPS
        text, audio = (self._weights[f"gpt.{kind}_embedding.weight"] for kind in ("text", "mel"))
        text_places, audio_places = (self._weights[f"gpt.{kind}_pos_embedding.emb.weight"] for kind in ("text", "mel"))
        x = noise(positions, config.width)
        half = PREFIX // 2
        for i in range(half, positions):
            is_text = i < PREFIX - 1
            table, places, at = (text, text_places, i - half) if is_text else (audio, audio_places, i - PREFIX + 1)
            token = config.start_audio if i == PREFIX - 1 else i * 37 % len(table)
            x[i] = table[token] + places[at % len(places)]
        x = x.astype(np.float32).astype(np.float64)
        return x, *plain.gpt(self._weights, config, x)

    def _found(self, path: Path, x: Double, ends: Sequence[int]) -> Double:
        """The latents that a graph gives for `x`, piece by piece."""
        run = Cached(path, self._config, room=len(x))
        pieces = [run(x[None, start:end], [end])[0][0] for start, end in pairwise([0, *ends])]
        return np.concatenate(pieces).astype(np.float64)

    def _compared(self, latents: Double, expected: Double, scores: Double) -> Figures:
        head = self._weights["gpt.mel_head.weight"], self._weights["gpt.mel_head.bias"]
        logits = latents @ head[0].T.astype(np.float64) + head[1]
        same = logits.argmax(1) == scores.argmax(1)
        return {
            **difference(latents, expected),
            "relative_rms_logits": relative(logits, scores),
            "same_best_token": float(same.mean()),
        }


def _alone(path: Path, **inputs: Double) -> Double:
    """What a graph with one output makes of one row."""
    (found,) = run(path, **{name: array[None].astype(np.float32) for name, array in inputs.items()})
    alone: Double = found[0]
    return alone
