"""A telephone line: what is coded comes back within a step, and what lies outside the band does not come through."""

from __future__ import annotations

import numpy as np
import pytest

from controller.audio.g711 import ALAW, MULAW, mulaw, telephone
from controller.frames import SAMPLE_RATE, Pcm


def tone(hertz: float, seconds: float = 1.0) -> Pcm:
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pcm: Pcm = np.rint(8000 * np.sin(2 * np.pi * hertz * times)).astype(np.int16)
    return pcm


def test_every_code_is_its_own_level() -> None:
    for code, level in enumerate(MULAW):
        assert mulaw(level[None]) == bytes([code]) or level == 0, "0 has two codes"
    assert (MULAW.min(), MULAW.max()) == (-32124, 32124)
    assert (ALAW.min(), ALAW.max()) == (-32256, 32256)
    assert sorted(ALAW.tolist()) == sorted((-ALAW).tolist())
    assert [int(ALAW[code]) for code in (0xD5, 0x55, 0xAA, 0xFF)] == [8, -8, 32256, 848], "as ITU-T G.191's alaw_expand"


def test_a_sample_comes_back_within_its_step() -> None:
    every = np.arange(-32635, 32636, 7).astype(np.int16)
    back = MULAW[np.frombuffer(mulaw(every), np.uint8)].astype(int)
    assert (np.abs(back - every) <= 4 + np.abs(every.astype(int)) / 31).all()


@pytest.mark.parametrize(("hertz", "passes"), [(100, False), (1000, True), (3000, True), (3800, False), (6000, False)])
def test_a_line_lets_its_band_through(hertz: float, passes: bool) -> None:
    heard = telephone(tone(hertz))[2000:-2000].astype(float)
    gain_db = 20 * np.log10(heard.std() / tone(hertz).std() + 1e-9)
    assert (gain_db > -1) == passes
    assert passes or gain_db < -30


@pytest.mark.parametrize("count", [1, 319, 48_001])
def test_a_sound_keeps_its_length(count: int) -> None:
    pcm = np.random.default_rng(count).integers(-32768, 32767, count).astype(np.int16)
    assert telephone(pcm).shape == (count,)
