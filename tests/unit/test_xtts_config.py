"""What `model.json` says comes back as it was, and what is wrong with it is said in one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from export.runtime.weights import WeightsError
from export.runtime.xtts.config import FULL, TINY, ModelConfig, Sampling, load


def test_defaults_are_the_published_model() -> None:
    assert (FULL.audio_positions, FULL.text_positions, FULL.max_new_tokens) == (608, 404, 602)
    assert FULL.tokens_per_second == pytest.approx(21.533, abs=1e-3)
    assert FULL.head_width == 64
    assert FULL.max_positions == 32 + 401 + 2 + 602


@pytest.mark.parametrize("config", [FULL, TINY, replace(TINY, sampling=Sampling(temperature=0.0, top_k=0, top_p=1.0))])
def test_what_is_saved_is_loaded(config: ModelConfig, tmp_path: Path) -> None:
    config.save(tmp_path)
    assert load(tmp_path) == config


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"layers": None}, "layers is None"),
        ({"layers": 3.5}, "layers is 3.5, not a whole number"),
        ({"layers": True}, "layers is True"),
        ({"colour": 1}, "colour unknown"),
        ({"heads": 5}, "cannot be shared by 5 heads"),
        ({"decoder_input": 32}, "takes 32 numbers a frame"),
        ({"heads": 0}, "heads is 0: it is at least 1"),
        ({"max_audio": 3}, "max_audio is 3"),
        ({"start_audio": 1026}, "start_audio is 1026, not one of 1026 tokens"),
        ({"stop_audio": 5000}, "stop_audio is 5000"),
        ({"start_text": 6681}, "start_text is 6681, not one of 6681 tokens"),
        ({"stop_text": -1}, "stop_text is -1"),
        ({"sampling": None}, "Sampling is not an object"),
        ({"sampling": {"temperature": -1, "top_k": 1, "top_p": 1, "repetition_penalty": 1}}, "temperature is -1"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, object], complaint: str, tmp_path: Path) -> None:
    TINY.save(tmp_path)
    file = tmp_path / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(WeightsError, match=complaint):
        load(tmp_path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="dragoman export xtts"):
        load(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": float("nan")},
        {"temperature": "0.7"},
        {"top_k": -1},
        {"top_k": 50.0},
        {"top_k": True},
        {"top_p": 0.0},
        {"top_p": None},
        {"repetition_penalty": 0.0},
    ],
)
def test_sampling_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Sampling(**wrong)
