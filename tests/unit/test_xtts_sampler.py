"""The sampler draws from exactly the reference's distribution, and no other rule would pass these tests."""

from __future__ import annotations

import math
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from export.runtime.xtts import sampler
from export.runtime.xtts.config import FULL, LEAST_TEMPERATURE, MOST_PENALTY, MOST_TEMPERATURE, Sampling
from export.runtime.xtts.sampler import Draws, Sampler
from tests.unit.xtts_sampler_rules import OTHER_RULES, OtherRule, probabilities

Float = NDArray[np.float32]

SETTINGS = [
    Sampling(),
    Sampling(repetition_penalty=10.0),
    Sampling(temperature=1.3, top_k=0, top_p=0.5, repetition_penalty=1.0),
    Sampling(temperature=0.3, top_k=5, top_p=1.0, repetition_penalty=2.0),
    Sampling(temperature=2.0, top_k=2000, top_p=0.95),
    Sampling(temperature=1.0, top_k=3, top_p=1e-9),
]


def rows(count: int) -> list[tuple[Float, list[int]]]:
    """Logits as a model gives them, with tokens 1 and 1024 among the likely ones, and what was said before."""
    made = []
    for seed in range(count):
        random = np.random.default_rng(seed)
        logits = random.normal(-2.0, 3.0, FULL.audio_tokens).astype(np.float32)
        logits[random.integers(0, FULL.audio_tokens, 20)] += 6.0
        logits[[1, 1024]] = random.normal(7.0, 2.0, 2)
        said = random.integers(0, 1024, 10).tolist() + np.argsort(logits)[-4:].tolist()
        made.append((logits, [int(token) for token in said]))
    return made


def found(module: types.ModuleType, logits: Float, said: list[int], sampling: Sampling) -> dict[int, float]:
    """What the sampler of `module` would draw from."""
    one = module.Sampler(FULL, sampling, module.Draws(0))
    for token in said:
        one.say(token)
    tokens, odds = one.odds(logits)
    return dict(zip(tokens.tolist(), odds.tolist(), strict=True))


def agrees(module: types.ModuleType) -> bool:
    """Whether the sampler of `module` gives the plain rules' tokens and, within 1e-6, their probabilities."""
    for sampling in SETTINGS:
        for logits, said in rows(12):
            expected, ours = probabilities(logits.tolist(), said, sampling), found(module, logits, said, sampling)
            if expected.keys() != ours.keys() or any(abs(expected[token] - ours[token]) > 1e-6 for token in expected):
                return False
    return True


def test_distribution_is_that_of_the_plain_rules() -> None:
    assert agrees(sampler)


@pytest.mark.parametrize("other", OTHER_RULES, ids=lambda other: other.name)
def test_any_other_rule_is_found_out(other: OtherRule) -> None:
    assert other.found_out(agrees)


@settings(deadline=None)
@given(
    sampling=st.builds(
        Sampling,
        temperature=st.floats(LEAST_TEMPERATURE, MOST_TEMPERATURE),
        top_k=st.integers(0, 3),
        top_p=st.floats(0.0, 1.0, exclude_min=True),
        repetition_penalty=st.floats(1 / MOST_PENALTY, MOST_PENALTY),
    ),
    logits=st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=2, max_size=9),
)
def test_whatever_sampling_is_accepted_gives_probabilities(sampling: Sampling, logits: list[float]) -> None:
    row = np.resize(np.array(logits, np.float32), FULL.audio_tokens)
    tokens, odds = Sampler(FULL, sampling, Draws(0), least=1).odds(row)
    assert np.isfinite(odds).all()
    assert odds.sum() == pytest.approx(1.0)
    assert FULL.stop_audio not in tokens


@pytest.mark.parametrize("temperature", [1e-40, 1e-3, 1e3, math.inf, math.nan, -1.0])
def test_a_temperature_that_leaves_no_numbers_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        Sampling(temperature=temperature)


@pytest.mark.parametrize("penalty", [1e-40, 0.0, 1e-3, 1e3, math.inf, math.nan, -1.0])
def test_a_penalty_that_leaves_no_numbers_is_refused(penalty: float) -> None:
    with pytest.raises(ValueError, match="repetition_penalty"):
        Sampling(repetition_penalty=penalty)


def test_ties_with_the_last_of_top_k_stay() -> None:
    logits = np.array([3, 1, 2, 2, 2, -np.inf], np.float32)
    assert sampler.largest(logits, 2).tolist() == [0, 2, 3, 4]
    assert sampler.largest(logits, 0).tolist() == [0, 1, 2, 3, 4]


def test_draws_depend_on_seed_part_and_step_alone() -> None:
    forward = [Draws(7, part=2)(step) for step in range(50)]
    assert [Draws(7, part=2)(step) for step in reversed(range(50))] == forward[::-1]
    others = [Draws(seed, part)(step) for seed, part in [(8, 2), (7, 1)] for step in range(50)]
    assert len({*forward, *others}) == 150
    assert all(0.0 <= one < 1.0 for one in forward)
    assert 0.4 < float(np.mean([Draws(1)(step) for step in range(2_000)])) < 0.6


def test_the_first_draw_of_a_seed_never_changes() -> None:
    """Philox4x64-10 is fixed by its authors: what was made with a seed can be made again on any numpy."""
    assert Draws(0)(0) == pytest.approx(0.011546754286331562, abs=1e-15)


@pytest.mark.parametrize("seed", [-1, 1 << 64])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match="seed"):
        Draws(seed)


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    tokens, odds = np.array([3, 5, 9]), np.array([0.2, 0.5, 0.3])
    drawn = [sampler.chosen(tokens, odds, Draws(3)(step)) for step in range(4_000)]
    for token, expected in zip(tokens, odds, strict=True):
        assert drawn.count(int(token)) / 4_000 == pytest.approx(expected, abs=0.03)
    assert sampler.chosen(tokens, odds, 0.0) == 3
    assert sampler.chosen(tokens, odds, np.nextafter(1.0, 0.0)) == 9


def test_a_token_of_no_probability_is_never_drawn() -> None:
    assert sampler.chosen(np.array([1, 2]), np.array([0.0, 1.0]), 0.0) == 2


def test_greedy_takes_the_best_after_the_penalty() -> None:
    logits = np.full(FULL.audio_tokens, -5.0, np.float32)
    logits[[1, 40, 41]] = [9.0, 4.0, 2.0]
    greedy = Sampler(FULL, Sampling(temperature=0.0, repetition_penalty=5.0), Draws(0))
    assert [greedy.draw(logits) for _ in range(3)] == [40, 41, 1]


def test_the_stop_token_waits_for_the_least_number_of_tokens() -> None:
    logits = np.zeros(FULL.audio_tokens, np.float32)
    logits[FULL.stop_audio] = 50.0
    one = Sampler(FULL, Sampling(), Draws(5), least=3)
    drawn = [one.draw(logits) for _ in range(4)]
    assert FULL.stop_audio not in drawn[:3]
    assert drawn[3] == FULL.stop_audio


def test_logits_are_left_as_they_were() -> None:
    logits = np.ones(FULL.audio_tokens, np.float32)
    Sampler(FULL, Sampling(), Draws(0), least=1).draw(logits)
    assert np.all(logits == 1.0)


def test_a_model_that_breaks_down_is_not_listened_to() -> None:
    with pytest.raises(FloatingPointError, match="not finite"):
        Sampler(FULL, Sampling(), Draws(0)).draw(np.full(FULL.audio_tokens, np.nan, np.float32))
