"""The manifest stands as frozen, and structural weights are the same bits everywhere."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from export.runtime.xtts.config import FULL, TINY
from export.xtts import manifest, structural


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def test_the_manifest_is_that_of_the_reference() -> None:
    full, tiny = manifest.reference(FULL), manifest.reference(TINY)
    assert (len(full), len(tiny)) == (963, 639), "as counted in the reference's state dicts"
    assert (digest(full), digest(tiny)) == ("aa33df3ecc1dcc98", "47a8ac1790ab6118")


def test_weight_norm_counts_once() -> None:
    shapes = manifest.folded(TINY)
    assert len(shapes) == 639 - 76
    assert shapes["hifigan_decoder.waveform_decoder.ups.0.weight"] == (512, 256, 16)
    assert not [name for name in shapes if "parametrizations" in name]


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        ("xtts.gpt.mel_head.weight", "gpt.mel_head.weight"),
        ("gpt.mel_head.weight", "gpt.mel_head.weight"),
        ("a.ups.0.weight_g", "a.ups.0.parametrizations.weight.original0"),
        ("xtts.a.ups.0.weight_v", "a.ups.0.parametrizations.weight.original1"),
        ("dvae.encoder.0.weight", None),
        ("torch_mel_spectrogram_style_encoder.mel_stft.window", None),
        ("xtts.gpt.gpt_inference.lm_head.1.weight", None),
        ("gpt.gpt.wte.weight", None),
        ("gpt.gpt.h.3.attn.masked_bias", None),
        ("gpt.gpt.h.3.attn.c_attn.bias", "gpt.gpt.h.3.attn.c_attn.bias"),
    ],
)
def test_names_of_checkpoints_have_one_spelling(found: str, meant: str | None) -> None:
    assert manifest.canonical(found) == meant


def test_structural_weights_are_those_of_the_manifest() -> None:
    weights = structural.tensors(TINY, 1)
    assert {name: array.shape for name, array in weights.items()} == manifest.reference(TINY)
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32), np.dtype(np.int64)}


def test_the_same_seed_gives_the_same_bits() -> None:
    name = "gpt.gpt.h.1.mlp.c_fc.weight"
    values = structural.tensors(TINY, 7)[name]
    assert hashlib.sha256(values.tobytes()).hexdigest()[:16] == "4736333a666f1fee"
    assert values.std() == pytest.approx(1 / 8, rel=0.02)
    assert not np.array_equal(values, structural.tensors(TINY, 8)[name])
    assert not np.array_equal(values, structural.tensors(TINY, 7)["gpt.gpt.h.0.mlp.c_fc.weight"])


def test_the_structural_vocabulary_has_the_special_tokens_where_the_model_has_them() -> None:
    written = structural.vocabulary()
    tokens = written["model"]["vocab"]
    assert sorted(tokens.values()) == list(range(FULL.text_tokens))
    assert (tokens["[STOP]"], tokens["[START]"]) == (FULL.stop_text, FULL.start_text)
    added = {token["content"]: token["id"] for token in written["added_tokens"]}
    assert {"[UNK]", "[SPACE]", "[en]", "[zh-cn]"} < added.keys()
    assert all(tokens[content] == i for content, i in added.items())
    assert all(tuple(pair.split()) and "".join(pair.split()) in tokens for pair in written["model"]["merges"])
