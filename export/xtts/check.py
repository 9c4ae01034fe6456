"""Runs a file that was just written, and says how far it is from the plain equations on the same weights.

Knows onnxruntime; knows nothing of files' places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from controller.errors import DragomanError
from export.runtime.xtts.config import ModelConfig
from export.xtts import manifest, plain
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
        runner = _Cached(path, self._config)
        x, expected, scores = self._gpt
        latents = np.concatenate([runner(x[:PREFIX]), *(runner(x[i : i + 1]) for i in range(PREFIX, len(x)))])
        return self._compared(latents, expected, scores)

    def prefill(self, path: Path) -> Figures:
        """The same positions in one go."""
        x, expected, scores = self._gpt
        return self._compared(_Cached(path, self._config)(x), expected, scores)

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
        places = [self._weights[f"gpt.{kind}_pos_embedding.emb.weight"] for kind in ("text", "mel")]
        x = _noise(positions, config.width)
        half = PREFIX // 2
        for i in range(half, positions):
            table, place, at = (text, places[0], i - half) if i < PREFIX - 1 else (audio, places[1], i - PREFIX + 1)
            token = config.start_audio if i == PREFIX - 1 else i * 37 % 1000
            x[i] = table[token] + place[at]
        x = x.astype(np.float32).astype(np.float64)
        return x, *plain.gpt(self._weights, config, x)

    def _compared(self, latents: Double, expected: Double, scores: Double) -> Figures:
        head = self._weights["gpt.mel_head.weight"], self._weights["gpt.mel_head.bias"]
        logits = latents @ head[0].T.astype(np.float64) + head[1]
        same = logits.argmax(1) == scores.argmax(1)
        return {
            **_difference(latents, expected),
            "relative_rms_logits": _rms(logits - scores) / _rms(scores),
            "same_best_token": float(same.mean()),
        }


class _Cached:
    """A GPT graph that is given positions piece by piece."""

    def __init__(self, path: Path, config: ModelConfig) -> None:
        self._session = _session(path)
        kinds = {one.name: one.type for one in self._session.get_inputs()}
        kind = np.float16 if "float16" in kinds["past_k_0"] else np.float32
        empty = np.zeros((1, config.heads, PREFIX + STEPS, config.head_width), kind)
        self._past = {name: empty for name in kinds if name.startswith("past_")}
        self._total = 0

    def __call__(self, x: Double) -> Double:
        self._total += len(x)
        given: dict[str, NDArray[Any]] = {
            "x": x[None].astype(np.float32),
            "seqlens_k": np.array([self._total - 1], np.int32),
            "total": np.array(self._total, np.int32),
            **self._past,
        }
        names = ["latents", *(name.replace("past_", "present_") for name in self._past)]
        latents, *present = self._session.run(names, given)
        self._past = dict(zip(self._past, present, strict=True))
        out: Double = latents[0].astype(np.float64)
        return out


def verdict(name: str, figures: Figures, *, exact: bool) -> str:
    """What to say of figures besides them: empty where all is well.

    Raises:
        WrongGraph: an exact graph is not.
    """
    error = figures["relative_rms"]
    if exact and not error < EXACT:
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
        "relative_rms": _rms(found - expected) / _rms(expected),
    }


def _rms(array: Double) -> float:
    return float(np.sqrt(np.square(array).mean()))


Check = Callable[[Path], Figures]
