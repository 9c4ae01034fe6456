"""The arithmetic of bench-voices, and bounds that can fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.gst import recordings
from loadtest.voices import figures, identity, style
from loadtest.voices.__main__ import versions
from loadtest.voices.telephone import over_telephone
from tests.fakes.voices import voice


def rate(scores: list[float], same: list[bool], weights: list[int] | None = None) -> float:
    return figures.eer(np.array(scores), np.array(same), np.array(weights or [1] * len(scores)))


def test_an_equal_error_rate_is_where_both_errors_are_equal() -> None:
    assert rate([0.9, 0.8, 0.2, 0.1], [True, True, False, False]) == 0
    assert rate([0.9, 0.8, 0.2, 0.1], [False, False, True, True]) == 1
    assert rate([0.9, 0.3, 0.4, 0.1], [True, True, False, False]) == 0.5
    assert rate([0.5] * 4, [True, True, False, False]) == 0.5
    chance = np.random.default_rng(0)
    scores = np.concatenate([chance.normal(1, 1, 20_000), chance.normal(-1, 1, 20_000)])
    assert figures.eer(scores, np.arange(40_000) < 20_000, np.ones(40_000)) == pytest.approx(0.1587, abs=0.005)


def test_a_pair_that_counts_twice_is_as_if_it_were_there_twice() -> None:
    scores, same = [0.9, 0.7, 0.3, 0.6, 0.2, 0.1], [True, True, True, False, False, False]
    twice = rate([*scores, 0.3, 0.6], [*same, True, False])
    assert rate(scores, same, [1, 1, 2, 2, 1, 1]) == pytest.approx(twice)
    assert np.isnan(rate(scores, same, [0, 0, 0, 1, 1, 1]))


def test_what_is_neutral_of_a_speaker_is_taken_off() -> None:
    speakers, neutral = np.array(["a", "a", "a", "b", "b"]), np.array([True, True, False, True, False])
    vectors = np.array([[1.0, 0], [3, 0], [5, 1], [10, 10], [10, 12]])
    assert figures.relative(vectors, speakers, neutral)[[2, 4]].tolist() == [[3, 1], [0, 2]]


def test_the_nearest_is_never_of_the_same_speaker() -> None:
    speakers, manners = np.array(["a", "a", "b", "b"]), np.array(["calm", "calm", "calm", "lively"])
    vectors = np.array([[1.0, 0], [1, 0], [0, 1], [1, 0.1]])
    assert figures.nearest(vectors, speakers, manners).tolist() == [False, False, True, False]


def test_a_difference_is_paired_and_resamples_whole_recordings() -> None:
    chance = np.random.default_rng(0)
    units = np.repeat(np.arange(40), 5)
    right = chance.random(200) < 0.5
    better = right | (chance.random(200) < 0.5)
    apart = figures.difference(better, right, units)
    low, high = apart["interval"]
    assert low < apart["value"] < high
    assert low > 0
    assert high - low < 0.25
    assert figures.difference(right, right, units) == {"value": 0.0, "interval": [0.0, 0.0]}
    together = figures.share(np.repeat(chance.random(40) < 0.5, 5), units)["interval"]
    alone = figures.share(np.repeat(chance.random(40) < 0.5, 5), np.arange(200))["interval"]
    assert together[1] - together[0] > 1.5 * (alone[1] - alone[0]), "what belongs together says less"


SPEAKERS, PASSAGES = ("a", "b", "c", "d", "e", "f"), 6
MANNERS = ("calm", "lively", "hurried", "flat", "emphatic")


def clips() -> list[tuple[str, str, str]]:
    found = []
    for speaker in SPEAKERS:
        found += [(speaker, f"{speaker}/{number}", "") for number in range(3)]
        found += [(speaker, f"{speaker}/{3 + number}", manner) for number in range(PASSAGES) for manner in MANNERS]
    return found


def encoded(noise: float, seed: int) -> Any:
    """Vectors that tell the manner beneath noise, and the speaker above all."""
    chance = np.random.default_rng(seed)
    own = {speaker: 10 * chance.normal(0, 1, 8) for speaker in SPEAKERS}
    way = {manner: np.eye(8)[number] for number, manner in enumerate(MANNERS)} | {"": np.zeros(8)}
    return np.array([own[speaker] + way[manner] + chance.normal(0, noise, 8) for speaker, _, manner in clips()])


def evaluated(trained: float, shuffled: float) -> dict[str, Any]:
    speakers, passages, manners = (np.array(column) for column in zip(*clips(), strict=True))
    names = {"trained": trained, "untrained": 3.0, "shuffled": shuffled, "measures": 0.3, "styles": 0.2}
    vectors = {name: encoded(noise, seed) for seed, (name, noise) in enumerate(names.items())}
    vectors["styles"] = np.pad(vectors["styles"], [(0, 0), (0, 1)], constant_values=1.0)
    vectors["styles"] /= np.linalg.norm(vectors["styles"], axis=1, keepdims=True)  # as what an encoder says
    return style.evaluated(
        {**vectors, **{f"telephone_{name}": one for name, one in vectors.items()}}, speakers, passages, manners
    )


def test_a_network_that_tells_manners_passes_and_its_control_fails() -> None:
    found = evaluated(trained=0.3, shuffled=3.0)
    assert found["nearest_neighbour"]["value"] > 0.6
    assert found["chance"] == 0.2
    assert found["whole_style"]["value"] > 0.6, "of the numbers before they were divided by their length"
    assert (found["queries"], found["recordings"], found["speakers"]) == (180, 36, 6)
    assert all(one.holds for one in style.bounds(found))


def test_a_network_that_tells_nothing_fails_and_a_control_that_passes_does() -> None:
    assert [one.holds for one in style.bounds(evaluated(trained=3.0, shuffled=3.0))] == [False, True]
    assert [one.holds for one in style.bounds(evaluated(trained=0.3, shuffled=0.3))] == [True, False]


def test_speakers_are_told_apart_and_what_the_line_costs_is_seen() -> None:
    chance = np.random.default_rng(0)
    speakers = np.repeat(SPEAKERS, 7)
    own = {speaker: chance.normal(0, 1, 32) for speaker in SPEAKERS}
    wide = np.array([own[one] for one in speakers]) + chance.normal(0, 0.3, (42, 32))
    band = 1.5 * chance.normal(0, 1, 32)
    narrow = wide + band + chance.normal(0, 0.6, (42, 32))
    found = identity.evaluated(wide, narrow, speakers)
    assert found["eer"]["wideband"]["value"] < 0.02
    assert found["eer"]["cross"]["value"] > found["eer"]["wideband"]["value"]
    assert found["dual_band"]["difference"]["value"] < 0, "profiles that know both bands are better"
    low, high = found["dual_band"]["difference"]["interval"]
    assert low <= found["dual_band"]["difference"]["value"] <= high
    assert found["identification_top1"]["wideband"]["value"] > 0.95
    assert identity.bounds(found)[0].holds
    taken = identity.verified(wide, narrow, speakers, {"wideband": 0.6, "telephone": 0.6})
    assert taken["wideband"]["owners_refused"]["value"] < 0.05
    assert taken["wideband"]["others_accepted"]["value"] < 0.05
    assert taken["telephone"]["others_accepted"]["value"] > 0.2, "all are alike there: it needs a threshold of its own"
    strict = identity.verified(wide, narrow, speakers, {"wideband": 0.9, "telephone": 0.9})["telephone"]
    assert strict["others_accepted"]["value"] < taken["telephone"]["others_accepted"]["value"]
    assert strict["owners_refused"]["value"] > taken["telephone"]["owners_refused"]["value"]
    strangers = identity.evaluated(chance.normal(0, 1, wide.shape), narrow, speakers)
    assert not identity.bounds(strangers)[0].holds


def test_a_telephone_carries_300_to_3400_hz() -> None:
    times = np.arange(16_000) / 16_000
    tones = {hz: (8_000 * np.sin(2 * np.pi * hz * times)).astype(np.int16) for hz in (100, 1_000, 3_000, 5_000)}
    left = {hz: over_telephone(tone).astype(float).std() / tone.astype(float).std() for hz, tone in tones.items()}
    assert left[100] < 0.1
    assert left[5_000] < 0.1
    assert left[1_000] == pytest.approx(1, abs=0.05)
    assert left[3_000] == pytest.approx(1, abs=0.1)
    assert len(over_telephone(voice(1.01))) == len(voice(1.01))


def test_no_package_and_no_speaker_is_in_two_splits() -> None:
    seen, chosen_by, tested = (
        {pack.speaker for pack in packs} for packs in (recordings.TRAINING, recordings.VALIDATION, recordings.TEST)
    )
    assert not seen & chosen_by
    assert not (seen | chosen_by) & tested
    trained = {pack.package for pack in (*recordings.TRAINING, *recordings.VALIDATION)}
    assert not trained & {pack.package for pack in recordings.TEST}


def test_what_it_was_measured_with_is_told() -> None:
    assert all(versions().values())
    assert {"python", "onnxruntime", "torch", "pyworld-prebuilt", "av"} == set(versions())
