"""What is measured of how something is said: pitch, rate and range of made-up voices, over any line."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import numpy as np
import pytest

from export.runtime.prosody import measures
from export.runtime.prosody.encoder import MEASURES, TOKENS, WIDTH, joined, recovered
from export.runtime.prosody.features import BANDS, Features
from export.runtime.prosody.measures import Prosody, coordinates, measured
from export.runtime.prosody.model import Model, load
from export.runtime.prosody.pitch import FRAME_S, track
from export.runtime.weights import WeightsError
from loadtest.voices.telephone import over_telephone
from tests.fakes.voices import RATE, voice


@pytest.mark.parametrize("hz", [75.0, 110.0, 220.0, 400.0])
@pytest.mark.parametrize("line", [lambda pcm: pcm, over_telephone], ids=["wideband", "telephone"])
def test_the_pitch_is_found_without_octave_errors(hz: float, line: Any) -> None:
    found = track(line(voice(hz=hz, swing=0.0))).hz
    voiced = found[found > 0]
    assert len(voiced) * FRAME_S > 2.0
    assert np.quantile(np.abs(12 * np.log2(voiced / hz)), 0.95) < 0.5, "semitones"


def test_noise_has_no_pitch_and_silence_is_no_error() -> None:
    noise = np.random.default_rng(1).integers(-8_000, 8_000, 2 * RATE, np.int16)
    assert (track(noise).hz > 0).mean() < 0.05
    quiet = np.zeros(RATE, np.int16)
    quiet[0] = 1
    assert np.isfinite(coordinates(measured(quiet))).all()


def test_each_measure_moves_with_what_it_measures() -> None:
    base = measured(voice())
    assert measured(voice(syllables=6.0)).rate - base.rate == pytest.approx(np.log2(1.5), abs=0.1)
    assert base.rate == pytest.approx(np.log2(4.0), abs=0.1)
    assert measured(voice(hz=140.0 * 2**0.5)).pitch - base.pitch == pytest.approx(0.5, abs=0.03)
    assert measured(voice(swing=4.0)).spread > base.spread + 0.5
    assert measured(voice(swing=4.0)).movement > base.movement + 0.5
    broken = voice()
    broken[RATE : 2 * RATE] = 0
    assert measured(broken).pauses == pytest.approx(1 / 3, abs=0.08)
    assert abs(base.pauses) < 0.2


def test_loudness_and_the_line_change_little() -> None:
    base, faint, narrow = (
        np.array(astuple(measured(pcm))) for pcm in (voice(), voice(loudness=0.05), over_telephone(voice()))
    )
    steps = np.array(astuple(measures.UNIT))
    assert (np.abs(faint - base) / steps).max() < 0.6
    assert (np.abs(narrow - base) / steps).max() < 0.6


def test_what_cannot_be_measured_counts_as_usual() -> None:
    nothing = Prosody(*[float("nan")] * MEASURES)
    assert not coordinates(nothing).any()
    far = Prosody(*(np.array(astuple(measures.USUAL)) + 1_000).tolist())
    assert (coordinates(far) == measures.FURTHEST).all()


def test_a_style_is_of_length_1_and_gives_its_numbers_back() -> None:
    chance = np.random.default_rng(3)
    tokens = chance.normal(0, 0.3, (5, TOKENS)).astype(np.float32)
    steps = chance.normal(0, 1, (5, MEASURES)).astype(np.float32)
    styles = joined(tokens, steps)
    assert styles.shape == (5, WIDTH) == (5, 64)
    assert styles.dtype == np.float32
    assert np.abs(np.linalg.norm(styles, axis=1) - 1).max() < 1e-6
    assert np.abs(recovered(styles)[:, :TOKENS] - tokens).max() < 1e-5


def test_the_network_hears_no_loudness() -> None:
    loud, faint = (Features()(voice(loudness=one)) for one in (0.2, 0.1))
    assert loud.shape == (1 + 3 * RATE // 200, BANDS)
    assert np.abs(loud).max() <= 2.0
    assert np.quantile(np.abs(loud - faint), 0.9) < 0.2


def test_who_made_the_weights_is_kept_beside_them(tmp_path: Any) -> None:
    model = Model("0123456789abcdef", structural=True)
    model.save(tmp_path)
    assert load(tmp_path) == model
    assert model.id == "gst:0123456789abcdef:structural"


@pytest.mark.parametrize("text", ["", "[]", '{"digest": "0123"}', '{"digest": "XYZ", "structural": true}'])
def test_what_describes_no_network_is_refused(tmp_path: Any, text: str) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(WeightsError, match="describes no style network"):
        load(tmp_path)


def test_without_a_description_it_says_what_to_run(tmp_path: Any) -> None:
    with pytest.raises(WeightsError, match="run `dragoman export gst --train`"):
        load(tmp_path)
