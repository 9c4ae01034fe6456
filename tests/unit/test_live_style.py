"""Which clip is spoken with, by how somebody spoke of late."""

from __future__ import annotations

import numpy as np
import pytest

from controller.triton.contracts import Latents
from controller.voices.live_style import LiveStyle
from controller.voices.profile import Clip, Profile, Quality

QUALITY = Quality(4.0, 3.0, -20.0, 30.0, 0.0, "wideband")


def style(*first: float) -> np.ndarray:
    vector = np.zeros(64, np.float32)
    vector[: len(first)] = first
    return vector


def clip(number: int, moved: float) -> Clip:
    latents = Latents(np.full((2, 4), number, np.float16), np.full(512, number, np.float32))
    both = np.stack([style(5 + moved), style(9 + moved)])
    return Clip(f"c{number}", np.zeros((2, 256), np.float32), both, latents, QUALITY)


@pytest.fixture
def live() -> LiveStyle:
    return LiveStyle(Profile("ana", 1, "", clips=(clip(0, -3.0), clip(1, 0.0), clip(2, 3.0))), turns=2)


def test_before_anything_was_heard_the_mean_speaks(live: LiveStyle) -> None:
    assert live.picked is None
    assert (live.latents.gpt_conditioning == 1).all()


@pytest.mark.parametrize(("band", "neutral"), [("wideband", 5.0), ("telephone", 9.0)])
def test_the_nearest_clip_is_told_from_the_own_neutral_mean_of_the_band(live, band, neutral) -> None:  # type: ignore[no-untyped-def]
    live.heard(style(neutral + 2.8), band)
    assert live.picked == 2


def test_the_speaker_stays_the_mean_of_all_clips(live: LiveStyle) -> None:
    live.heard(style(8.0), "wideband")
    assert (live.latents.gpt_conditioning == 2).all()
    assert (live.latents.speaker == 1).all()


def test_one_that_is_hardly_nearer_is_not_taken(live: LiveStyle) -> None:
    live.heard(style(5.0), "wideband")
    live.heard(style(8.1), "wideband")  # on the whole 1.55: 1.45 from the lively clip, 1.55 from the neutral one
    assert live.picked == 1
    live.heard(style(8.1), "wideband")
    assert live.picked == 2


def test_what_is_no_style_changes_nothing(live: LiveStyle) -> None:
    live.heard(style(8.0), "wideband")
    live.heard(np.full(64, np.nan, np.float32), "wideband")
    live.heard(np.zeros(3, np.float32), "wideband")
    assert live.picked == 2
