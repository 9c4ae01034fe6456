"""Our parts are the reference's by value: by kept answers of tiny models, and by new ones in `make parity-xtts`."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from export.runtime.xtts import config as configs
from export.runtime.xtts import sampler
from tests.unit.xtts_sampler_rules import OTHER_RULES, OtherRule
from tests.xtts import asking, material, ours, parity
from tests.xtts.ours import Parts


@pytest.fixture(scope="session", params=["kept", "live"] if asking.LIVE else ["kept"])
def tiny(request: pytest.FixtureRequest) -> asking.Answers:
    """The reference's answers for the tiny models."""
    return asking.kept() if request.param == "kept" else asking.tiny()


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Parts]:
    """Our parts over tiny models, by seed; all but the first have a GPT alone."""
    first, *others = asking.SEEDS
    made = {first: ours.written("tiny", first, tmp_path_factory.mktemp("tiny"))}
    for seed in others:
        folder = tmp_path_factory.mktemp("tiny")
        made[seed] = ours.written("tiny", seed, folder, {*ours.ROUNDED, *ours.BUT_GPT})
    return {seed: Parts(folder, configs.TINY) for seed, folder in made.items()}


def compare(reference: asking.Answers, answers: Iterable[tuple[str, NDArray[Any]]], **bounds: float) -> None:
    parity.check_allowances(reference)
    found = parity.differences(reference, answers, **bounds)
    assert found
    for kind in dict.fromkeys(one.name.partition("/")[0] + "/" + one.name.rpartition("/")[2] for one in found):
        first, last = kind.split("/")
        most = max(one.most for one in found if one.name.startswith(first) and one.name.endswith(last))
        print(f"{kind}: {most:.2g}")
    assert parity.misses(found) == []


@pytest.mark.parametrize("seed", asking.SEEDS)
def test_what_is_decoded(tiny: asking.Answers, parts: dict[int, Parts], seed: int) -> None:
    """The same codes, logits and latents, though three utterances at a time share the steps."""
    compare(tiny, parts[seed].greedy(seed, 40, material.LENGTHS))


def test_what_may_be_drawn(tiny: asking.Answers) -> None:
    compare(tiny, ours.sampled(configs.TINY))


@pytest.mark.parametrize("other", OTHER_RULES, ids=lambda other: other.name)
def test_no_other_rule_would_do(other: OtherRule) -> None:
    """A sampler with one rule of the reference's changed is found out by the reference's answers."""

    def agrees(module: ModuleType) -> bool:
        return parity.misses(parity.differences(asking.kept(), ours.sampled(configs.TINY, module))) == []

    assert agrees(sampler)
    assert other.found_out(agrees)


@pytest.mark.parametrize("whose", ["ours", "the reference"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_never_near(value: float, whose: str) -> None:
    name = "greedy/1/9 tokens/1.0/latents"
    good, bad = np.zeros((2, 3), np.float32), np.full((2, 3), value, np.float32)
    ours_, reference = (bad, good) if whose == "ours" else (good, bad)
    with pytest.raises(ValueError, match=f"{whose} is not finite"):
        parity.differences({name: reference}, [(name, ours_)])
    assert parity.misses([parity.Difference(name, float("nan"), 1e-5)]) != []
    assert parity.misses(parity.differences({name: good}, [(name, good)])) == []


def test_what_is_heard_of_latents(tiny: asking.Answers, parts: dict[int, Parts]) -> None:
    compare(tiny, parts[1].vocoder())


def test_windows_are_the_whole(tiny: asking.Answers, parts: dict[int, Parts]) -> None:
    compare(dict(parts[1].vocoder()), parts[1].windowed(), pcm=parity.WINDOWS)


def test_whose_voice_it_is(tiny: asking.Answers, parts: dict[int, Parts]) -> None:
    compare(tiny, parts[1].conditioning())


def test_front_ends(tiny: asking.Answers, parts: dict[int, Parts]) -> None:
    compare(tiny, ours.front_ends(parts[1].voices / "speaker_bands.npy"))
