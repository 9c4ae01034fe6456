"""Random weights of the right names, shapes and sizes: every path can be tested and timed without licensed ones.

numpy only, so that the reference's environment loads the very same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.runtime.xtts import config as configs
from export.runtime.xtts.config import ModelConfig
from export.structural import normal
from export.weights import DIRECTION, GAIN, Shape
from export.xtts import manifest

SIZES: Mapping[str, ModelConfig] = {"full": configs.FULL, "tiny": configs.TINY}

STOP_BIAS = 2.0
"""Added to the stop token's logit, so that utterances end by themselves, after some hundred tokens."""

LANGUAGES = ("en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh-cn", "hu", "ko", "ja", "hi")


def tensors(config: ModelConfig, seed: int) -> Mapping[str, NDArray[Any]]:
    """Every tensor of `manifest.reference(config)`, float32 (counters int64), each made anew when it is asked for."""
    return _Structural(config, seed)


class _Structural(Mapping[str, NDArray[Any]]):
    def __init__(self, config: ModelConfig, seed: int) -> None:
        self._shapes = manifest.reference(config)
        self._config, self._seed = config, seed

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def __contains__(self, name: object) -> bool:
        return name in self._shapes

    def __getitem__(self, name: str) -> NDArray[Any]:
        shape = self._shapes[name]
        if manifest.is_optional(name):
            return np.zeros(shape, np.int64)
        if ".torch_spec." in name:
            return _front_end(name)
        mean, deviation = _scale(name, shape, self._config)
        values = normal(f"{self._seed}:{name}", shape)
        values *= np.float32(deviation)
        values += np.float32(mean)
        if name == "gpt.mel_head.bias":
            values[self._config.stop_audio] += np.float32(STOP_BIAS)
        return values


def _scale(name: str, shape: Shape, config: ModelConfig) -> tuple[float, float]:
    """Mean and deviation of a tensor, such that activations keep their size from layer to layer."""
    if name == "mel_stats":
        return 3.0, 0.3
    if name.endswith(".running_var"):
        return 1.0, 0.1
    if len(shape) == 1:  # a norm's weight is about 1; biases and means are about 0
        return (1.0 if name.endswith((".weight", ".gamma")) else 0.0), 0.1
    if name.endswith(GAIN):
        return _gain(name, config)
    if "_pos_embedding" in name:
        return 0.0, 0.3
    if name.endswith((".text_embedding.weight", ".mel_embedding.weight", ".latents")):
        return 0.0, 0.7
    if name.startswith("gpt.gpt.h."):  # [in, out]
        ending = name.endswith(".c_proj.weight")
        return 0.0, (1.0 / (2 * config.layers) ** 0.5 if ending else 1.0) * shape[0] ** -0.5
    fan_in = int(np.prod(shape[1:]))
    return 0.0, _EMPHASIS.get(name, 1.0) * fan_in**-0.5


_EMPHASIS: Mapping[str, float] = {
    "gpt.mel_head.weight": 2.0,
    "hifigan_decoder.waveform_decoder.conv_post.weight": 0.15,
}
"""Logits as peaked as a trained model's, and speech about as loud as speech."""


def _gain(name: str, config: ModelConfig) -> tuple[float, float]:
    """Norm of each row under weight norm.

    An up-sampling row counts towards all its outputs, but only stride / kernel of its taps meet any one of them;
    residual branches are kept smaller than what they are added to.
    """
    shape = manifest.reference(config)[name.removesuffix(GAIN) + DIRECTION]
    if ".ups." not in name:
        return 0.7, 0.05
    stride, _ = manifest.UPSAMPLING[int(name.removesuffix(GAIN).rpartition(".")[2])]
    gain = 1.2 * float(shape[1] * stride / shape[0]) ** 0.5
    return gain, 0.1 * gain


def _front_end(name: str) -> NDArray[np.float32]:
    """The tables of the speaker encoder's front end, which no training changes: torchaudio's MelSpectrogram."""
    if name.endswith(".filter"):
        return np.array([[[-0.97, 1.0]]], np.float32)
    if name.endswith(".window"):
        n = np.arange(manifest.SPEAKER_WINDOW)
        return (0.54 - 0.46 * np.cos(2 * np.pi * n / manifest.SPEAKER_WINDOW)).astype(np.float32)
    bins = np.linspace(0.0, 8000.0, manifest.SPEAKER_FFT // 2 + 1)
    mels = np.linspace(0.0, 2595.0 * np.log10(1 + 8000.0 / 700.0), manifest.SPEAKER_BANDS + 2)
    edges = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    rising = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def vocabulary() -> dict[str, Any]:
    """A tokenizer in the format of the real `vocab.json`, with as many tokens.

    Special ones have the ids the model knows them by; the rest are single letters of the scripts of its languages, and
    a few pairs of letters to be merged.
    """
    letters = (chr(code) for first, last in _SCRIPTS for code in range(first, last + 1))
    merges = [(first, second) for first in "aeioubcdlmnprst" for second in "aeionrst"]
    first = ["[STOP]", "[UNK]", "[SPACE]"]
    first += islice(letters, configs.FULL.start_text - len(first))
    then = ["[START]", *(f"[{language}]" for language in LANGUAGES), *(a + b for a, b in merges)]
    tokens = {token: i for i, token in enumerate(islice(chain(first, then, letters), configs.FULL.text_tokens))}
    added = [token for token in tokens if token.startswith("[") and len(token) > 1]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": tokens[token], "content": token, "special": True}
            | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
            for token in added
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "[UNK]",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "vocab": tokens,
            "merges": [f"{first} {second}" for first, second in merges],
        },
    }


_SCRIPTS = (
    (0x21, 0x7E),  # ASCII
    (0xA1, 0x17E),  # Latin with diacritics
    (0x3B1, 0x3C9),
    (0x430, 0x45F),  # Cyrillic
    (0x621, 0x652),  # Arabic
    (0x900, 0x96F),  # Devanagari
    (0x3001, 0x3002),
    (0x3041, 0x30FC),  # kana
    (0x4E00, 0x9FFF),  # ideographs, as many as there is room for
)


def save_vocabulary(folder: Path) -> None:
    """Write `vocab.json` into `folder`."""
    text = json.dumps(vocabulary(), ensure_ascii=False, indent=1)
    (folder / "vocab.json").write_text(text + "\n", encoding="utf-8")
