"""The kept answers of the reference: small enough to keep, and of the material as it is now."""

from __future__ import annotations

from export.runtime.xtts import config as configs
from tests.xtts import asking, material


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
