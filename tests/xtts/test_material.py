"""The kept answers of the reference: small enough to keep, and of the material as it is now."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from export.runtime.xtts import config as configs
from tests.xtts import asking, material, parity


def test_they_are_small_enough_to_keep() -> None:
    assert sum(file.stat().st_size for file in asking.GOLDEN.iterdir()) < asking.LARGEST_B


def test_every_case_has_its_answer() -> None:
    """Otherwise the material was changed and the reference not asked anew (`make golden-xtts`)."""
    answered = {name.rpartition("/")[0] for name in asking.kept()} | asking.kept().keys()
    cases = [one.name for seed in asking.SEEDS for one in material.utterances(configs.TINY, seed)]
    cases += [one.name for one in material.rows(configs.TINY)]
    cases += [one.name for one in material.frames(configs.TINY)]
    cases += [one.name for one in material.voices()]
    cases += [one.name for one in material.resampled()]
    assert [name for name in cases if name not in answered] == []


def test_texts_are_kept_as_they_are_asked_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = asking.TEXTS.read_bytes()
    (tmp_path / "texts.json").write_bytes(kept)
    answers = [dict(zip(("language", "text", "cleaned"), one, strict=True)) for one in json.loads(kept)]
    monkeypatch.setattr(asking, "texts", lambda asked: answers if len(list(asked)) == len(answers) else [])
    assert asking.write_texts(tmp_path / "texts.json") == []
    assert (tmp_path / "texts.json").read_bytes() == kept
    answers[3] = {"language": "ar", "text": "12", "error": "KeyError"}
    assert asking.write_texts(tmp_path / "texts.json") == ["12"]
    assert (tmp_path / "texts.json").read_bytes() == kept
    answers[3] |= {"cleaned": "another"}
    assert asking.write_texts(tmp_path / "texts.json") == []
    assert ["ar", "12", "another"] in json.loads((tmp_path / "texts.json").read_text(encoding="utf-8"))


def test_the_reference_is_as_exact_as_it_may_be() -> None:
    assert any(name.endswith("/off") for name in asking.kept())
    parity.check_allowances(asking.kept())


@pytest.mark.parametrize(("name", "off"), [("mel/speaker/0.4", 6e-5), ("mel/speaker/0.4", np.nan), ("mel/gpt/0.4", 0)])
def test_an_allowance_is_bounded_and_for_one_front_end_alone(name: str, off: float) -> None:
    """Otherwise a fault in the reference's own computation in float64 would allow anything."""
    with pytest.raises(AssertionError, match=f"{name}/off"):
        parity.check_allowances({f"{name}/off": np.array([0.0, off], np.float16)})
