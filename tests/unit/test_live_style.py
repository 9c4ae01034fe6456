"""Which clip is spoken with, by how somebody spoke of late, by an encoder that says what it is told to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from controller.audio.g711 import telephone
from controller.errors import EngineUnavailable
from controller.frames import Pcm
from controller.triton.contracts import Embedding
from controller.voices.live_style import MARGIN, MEAN_AWAY, STRETCH_S, STRETCHES, LiveStyle, distances, recovered
from controller.voices.patience import RETRIES
from controller.voices.profile import Clip, Encoder, Profile
from controller.voices.turn import Turn
from export.runtime.prosody import encoder
from loadtest.voices import figures
from tests.fakes.fake_encoders import STYLE, FakeEncoders, somebody
from tests.fakes.fake_profiles import ENCODERS, a_clip
from tests.unit.test_claim import quiet

FLAT, CALM, LIVELY = (0.0, 0.0), (-2.0, 0.3), (2.0, 0.3)
NEUTRAL = 5.0
"""Of the speaker, in each number."""


def style(*moved: float) -> np.ndarray:
    """float32[64] of a speaker who differs so from how they speak on the whole."""
    numbers = np.full(63, NEUTRAL)
    numbers[: len(moved)] += moved
    vector = np.append(numbers, 1.0)
    unit: np.ndarray = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


def clip(number: int, *moved: float) -> Clip:
    """Its style as recorded is another's: only the one as through a telephone counts."""
    return replace(a_clip(number, recording=False), style=np.stack([style(9.0, -9.0, 4.0 * number), style(*moved)]))


PROFILE = Profile("ana", 1, "", encoders=ENCODERS, clips=(clip(0, *FLAT), clip(1, *CALM), clip(2, *LIVELY)))


class Told(FakeEncoders):
    """Says the styles that it is told to, in order; the last again and again."""

    def __init__(self, *styles: np.ndarray, model: str = STYLE) -> None:
        super().__init__()
        self.styles, self.style_model = list(styles), model
        self.heard: list[Pcm] = []

    async def style(self, pcm: Pcm) -> Embedding:
        self._ask("style")
        self.heard.append(pcm)
        return Embedding(self.styles[0] if len(self.styles) == 1 else self.styles.pop(0), self.style_model)


def after(encoders: Told, turns: int = 1, profile: Profile = PROFILE) -> list[int | None]:
    """What is picked before the first turn, and after each."""

    async def act() -> list[int | None]:
        live = LiveStyle(encoders)
        picked = [live.pick(profile)]
        for seed in range(turns):
            live.hear(Turn(somebody(200.0, seed=seed)))
            await quiet()
            picked.append(live.pick(profile))
        return picked

    return asyncio.run(act())


def test_the_nearest_clip_is_told_from_the_speakers_own_mean() -> None:
    assert after(Told(style(2.4, 0.4))) == [None, 2]
    assert after(Told(style(-1.1, 0.1))) == [None, 1]


def test_a_first_turn_that_tells_little_leaves_the_mean() -> None:
    """Its cosine with the nearest clip is above what the mean counts as having, and not clearly."""
    own = recovered(np.stack([one.style[1] for one in PROFILE.clips]))
    towards = (own[2] - own.mean(axis=0)) / np.linalg.norm(own[2] - own.mean(axis=0))
    for alike, picked in ((1 - MEAN_AWAY + 0.05, None), (1 - MEAN_AWAY * (1 - MARGIN) + 0.05, 2)):
        aside = np.zeros(63)
        aside[40] = 1.0
        moved = alike * towards + np.sqrt(1 - alike**2) * aside
        assert after(Told(style(*(own.mean(axis=0) + moved - NEUTRAL)))) == [None, picked]


def test_one_that_is_hardly_nearer_is_not_taken() -> None:
    """Between calm and lively, where both are about as near, whichever spoke goes on."""
    calm, lively, hardly = style(-1.0, 2.0), style(1.0, 2.0), style(0.03, 2.0)
    made = replace(PROFILE, clips=(clip(0, 0.0, 0.0), clip(1, -1.0, 2.0), clip(2, 1.0, 2.0)))
    away = distances(made, [hardly])
    assert away is not None
    assert (1 - MARGIN) * away[1] < away[2] < away[1] < (1 - MARGIN) * MEAN_AWAY
    assert after(Told(calm, *[hardly] * STRETCHES), 1 + STRETCHES, made)[-1] == 1
    assert after(Told(lively, *[hardly] * STRETCHES), 1 + STRETCHES, made)[-1] == 2


def test_only_the_latest_turns_count() -> None:
    picked = after(Told(*[style(*CALM)] * 5, style(*LIVELY)), 5 + STRETCHES)
    assert picked[1:6] == [1] * 5
    assert picked[-1] == 2
    assert picked[6] == 1, "one lively turn among calm ones is not followed"


def test_who_speaks_like_none_of_the_clips_is_spoken_with_the_mean() -> None:
    unlike = style(*[0.0] * 40, 6.0)
    assert after(Told(style(*LIVELY), *[unlike] * STRETCHES), 1 + STRETCHES)[-1] is None


def test_everything_is_heard_as_through_a_telephone() -> None:
    encoders = Told(style(*LIVELY))
    after(encoders)
    (heard,) = encoders.heard
    spectrum = np.abs(np.fft.rfft(heard.astype(np.float64)))
    hertz = np.fft.rfftfreq(len(heard), 1 / 16_000)
    assert spectrum[hertz > 4500].max() < spectrum[hertz < 3400].max() / 100


def test_short_turns_are_laid_end_to_end() -> None:
    encoders = Told(style(*LIVELY))

    async def act() -> None:
        live = LiveStyle(encoders)
        for seed in range(3):
            assert encoders.heard == []
            live.hear(Turn(telephone(somebody(200.0, seed=seed)[:20_000])))
            await quiet()
        assert len(encoders.heard) == 1
        assert len(encoders.heard[0]) > (STRETCH_S - 1) * 16_000

    asyncio.run(act())


@pytest.mark.parametrize("model", ["gst:ffffffffffffffff", f"{STYLE}:structural"])
def test_styles_of_another_model_or_of_none_choose_nothing(model: str) -> None:
    assert after(Told(style(*LIVELY), model=model)) == [None, None]


def test_random_weights_choose_nothing() -> None:
    random = f"{STYLE}:structural"
    made = replace(PROFILE, encoders=replace(ENCODERS, style=Encoder(random)))
    assert after(Told(style(*LIVELY), model=random), profile=made) == [None, None]


def test_what_is_no_style_changes_nothing() -> None:
    none = (np.full(64, np.nan, np.float32), np.zeros(3, np.float32), -style(*CALM))
    assert after(Told(style(*LIVELY), *none), 4) == [None, 2, 2, 2, 2]
    assert after(Told(style(*LIVELY)), profile=replace(PROFILE, clips=tuple(a_clip(one) for one in range(3)))) == [
        None,
        None,
    ], "clips of random numbers"


def test_another_profile_begins_anew() -> None:
    async def act() -> None:
        live = LiveStyle(Told(style(*LIVELY), *[style(*[0.0] * 40, 6.0)] * STRETCHES))
        live.hear(Turn(somebody(200.0)))
        await quiet()
        assert live.pick(PROFILE) == 2
        turned = replace(PROFILE, version=2, clips=PROFILE.clips[::-1])
        assert live.pick(turned) == 0, "the same clip has another place"
        assert live.pick(replace(PROFILE, version=3, clips=PROFILE.clips[:1])) is None

    asyncio.run(act())


def test_an_encoder_that_is_gone_costs_the_liveliness_only() -> None:
    class Gone(Told):
        tried = 0

        async def style(self, pcm: Pcm) -> Embedding:
            self.tried += 1
            raise EngineUnavailable("gst is not loaded", engine="gst")

    encoders = Gone(style(*LIVELY))
    assert set(after(encoders, 35)) == {None}
    assert encoders.tried == 1 + RETRIES


def test_after_the_call_nothing_is_heard() -> None:
    encoders = Told(style(*LIVELY))

    async def act() -> None:
        live = LiveStyle(encoders)
        live.hear(Turn(somebody(200.0)))
        await live.close()
        for _ in range(3):
            live.hear(Turn(somebody(200.0)))
            await quiet()
        assert live.pick(PROFILE) is None

    asyncio.run(act())
    assert encoders.heard == []


def test_the_numbers_and_the_distance_are_those_of_the_bench() -> None:
    """What `make bench-voices` measures as whole_style: by angle, of the 63 numbers, relative to the own mean."""
    random = np.random.default_rng(0)
    styles = np.stack([style(*random.standard_normal(63)) for _ in range(7)])
    assert np.allclose(recovered(styles), encoder.recovered(styles), atol=1e-4)
    clips = tuple(replace(a_clip(one), style=np.stack([styles[one]] * 2)) for one in range(6))
    made = replace(PROFILE, clips=clips)
    away = distances(made, [styles[6]])
    assert away is not None
    speakers = np.array(["ana"] * 7)
    moved = figures.relative(recovered(styles), speakers, np.arange(7) < 6)
    for place in range(6):
        others = np.array([-1] * 7)
        others[[place, 6]] = 1
        right = figures.nearest(moved, np.array([*["ana"] * 6, "live"]), others)
        assert right[6] == (place == int(np.argmin(away[:-1])))
