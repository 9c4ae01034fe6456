"""Our parts are the reference's by value: by kept answers of tiny models, and by new ones in `make parity-xtts`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import pytest
from numpy.typing import NDArray

from export.runtime.xtts import config as configs
from tests.unit.xtts_sampler_rules import OTHER_RULES, changed_sampler
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


@pytest.mark.parametrize(("rule", "changed"), OTHER_RULES)
def test_no_other_rule_would_do(rule: str, changed: str) -> None:
    """A sampler with one rule of the reference's changed is found out by the reference's answers."""
    with contextlib.suppress(ValueError, IndexError):  # some leave themselves no token at all
        answers = list(ours.sampled(configs.TINY, changed_sampler(rule, changed)))
        assert parity.misses(parity.differences(asking.kept(), answers)) != []


def test_what_is_heard_of_latents(tiny: asking.Answers, parts: dict[int, Parts]) -> None:
    compare(tiny, parts[1].vocoder())


def test_windows_are_the_whole(tiny: asking.Answers, parts: dict[int, Parts]) -> None:
    compare(dict(parts[1].vocoder()), parts[1].windowed(), pcm=parity.WINDOWS)


def test_whose_voice_it_is(tiny: asking.Answers, parts: dict[int, Parts]) -> None:
    compare(tiny, parts[1].conditioning())


def test_front_ends(tiny: asking.Answers, parts: dict[int, Parts]) -> None:
    compare(tiny, ours.front_ends(parts[1].voices / "speaker_bands.npy"))
