"""Runs a file that was just written, and says how far it is from the plain equations on the same weights.

Knows onnxruntime; knows nothing of files' places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime

from controller.errors import DragomanError
from export.runtime.xtts.config import ModelConfig
from export.xtts import manifest, plain
from export.xtts.cached import Cached
from export.xtts.plain import Double
from export.xtts.weights import Weights

Figures = Mapping[str, float]

PREFIX, STEPS = 20, 6
"""Positions that go in at once, and those after them, one by one."""
FRAMES, MEL_FRAMES = 4, 24

EXACT = 1e-4
"""Relative error of a float32 graph that is still rounding."""
ROUGH = 0.05
"""Relative error of a quantised graph from which on somebody should listen before using it."""


class WrongGraph(DragomanError):
    """A written graph does not compute what its weights say: a fault of ours, or of onnxruntime on this machine."""


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
        frames = _noise(self._config.decoder_input, FRAMES)
        vector = _noise(self._config.speaker_width) / self._config.speaker_width**0.5
        (pcm,) = _run(path, frames=frames, speaker=vector)
        return _difference(pcm, plain.vocoder(self._weights, frames, vector))

    def conditioning(self, path: Path) -> Figures:
        mel = _noise(manifest.MEL_BANDS, MEL_FRAMES)
        (latents,) = _run(path, mel=mel)
        return _difference(latents, plain.conditioning(self._weights, self._config, mel))

    def speaker(self, path: Path) -> Figures:
        mel = np.exp(3 * _noise(manifest.SPEAKER_BANDS, MEL_FRAMES)).astype(np.float32).astype(np.float64)
        (vector,) = _run(path, mel=mel)
        return _difference(vector, plain.speaker(self._weights, mel))

    @cached_property
    def _gpt(self) -> tuple[Double, Double, Double]:
        """Conditioning, text and audio positions as they occur, and what they give."""
        config, positions = self._config, PREFIX + STEPS
        text, audio = (self._weights[f"gpt.{kind}_embedding.weight"] for kind in ("text", "mel"))
        text_places, audio_places = (self._weights[f"gpt.{kind}_pos_embedding.emb.weight"] for kind in ("text", "mel"))
        x = _noise(positions, config.width)
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
            **_difference(latents, expected),
            "relative_rms_logits": _relative(logits, scores),
            "same_best_token": float(same.mean()),
        }


def is_finite(figures: Figures) -> bool:
    """Whether a graph gave numbers at all."""
    return all(map(math.isfinite, figures.values()))


def verdict(name: str, figures: Figures, *, exact: bool) -> str:
    """What to say of figures besides them: empty where all is well.

    Raises:
        WrongGraph: an exact graph is not, or a rounded one gives what are no numbers.
    """
    error = figures["relative_rms"]
    if not exact and not is_finite(figures):
        raise WrongGraph(
            f"{name} computes what are no finite numbers on these weights: "
            "look at the training they come from, and report which onnxruntime and processor this is"
        )
    if exact and not (error < EXACT and is_finite(figures)):
        raise WrongGraph(
            f"{name} does not compute what the checkpoint says (relative error {error:.2g}): "
            "do not use it, and report which onnxruntime and processor this is"
        )
    return "" if error < ROUGH else f"{name} is rough on these weights (relative error {error:.2g}): listen before use"


def _session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def _run(path: Path, **inputs: Double) -> list[Double]:
    """Run a graph on one row."""
    given = {name: array[None].astype(np.float32) for name, array in inputs.items()}
    return [array[0].astype(np.float64) for array in _session(path).run(None, given)]


def _noise(*shape: int) -> Double:
    return np.random.Generator(np.random.Philox(4)).standard_normal(shape).astype(np.float32).astype(np.float64)


def _difference(found: Double, expected: Double) -> dict[str, float]:
    return {
        "max_abs": float(np.abs(found - expected).max()),
        "relative_rms": _relative(found, expected),
    }


def _relative(found: Double, expected: Double) -> float:
    """Infinite where nothing but zeros is expected, which no check can go by."""
    size = _rms(expected)
    return _rms(found - expected) / size if size else math.inf


def _rms(array: Double) -> float:
    return float(np.sqrt(np.square(array).mean()))


Check = Callable[[Path], Figures]
