"""A tiny translator with random weights, made where ctranslate2 is: `python tiny_mt.py FOLDER`, told JSON by its input.

Run by Triton's Python as a script: it knows nothing of the house, so that what it says is CTranslate2's own word.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from ctranslate2.specs import model_spec, transformer_spec

WIDTH, INNER, HEADS, LAYERS = 32, 64, 4, 2


def make(folder: Path, vocabulary: list[str], adds_end: bool, seed: int) -> None:
    """A folder as a converter leaves it."""
    random = np.random.default_rng(seed)
    spec = transformer_spec.TransformerSpec.from_config(LAYERS, HEADS)

    def fill(part: Any, name: str, value: Any) -> None:
        if value is None:
            setattr(part, name.rpartition("/")[2], weights(name).astype(np.float32))

    def weights(name: str) -> Any:
        layer, _, last = name.rpartition("/")
        if last == "gamma":
            return np.ones(WIDTH)
        if last == "beta":
            return np.zeros(WIDTH)
        return random.standard_normal(shape(layer)) * (1.5 if layer.endswith("projection") else 0.3)

    def shape(layer: str) -> tuple[int, int]:
        if "embeddings" in layer or layer.endswith("projection"):
            return len(vocabulary), WIDTH
        if layer.endswith("ffn/linear_0"):
            return INNER, WIDTH
        if layer.endswith("ffn/linear_1"):
            return WIDTH, INNER
        if layer.endswith("self_attention/linear_0"):
            return 3 * WIDTH, WIDTH
        if layer.endswith("attention/linear_1") and "self_" not in layer:
            return 2 * WIDTH, WIDTH
        return WIDTH, WIDTH

    model_spec.visit_spec(spec, fill)
    spec.register_source_vocabulary(vocabulary)
    spec.register_target_vocabulary(vocabulary)
    spec.config.add_source_eos = adds_end
    spec.config.decoder_start_token = "</s>"
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))


def answers(folder: Path, asked: list[dict[str, Any]]) -> list[list[str]]:
    """What the model says to rows of tokens, each alone."""
    model = ctranslate2.Translator(str(folder), compute_type="int8", intra_threads=1)
    told = []
    for one in asked:
        result = model.translate_batch(
            [one["tokens"]],
            target_prefix=[one["prefix"]] if one["prefix"] else None,
            beam_size=2,
            max_decoding_length=2 * one["length"] + 20,
            disable_unk=True,
        )
        told.append(result[0].hypotheses[0])
    return told


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    make(Path(sys.argv[1]), wanted["vocabulary"], wanted["adds_end"], wanted["seed"])
    json.dump(answers(Path(sys.argv[1]), wanted["asked"]), sys.stdout)
