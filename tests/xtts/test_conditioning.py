"""A voice is the mean of what its recordings give, cut and resampled as the reference does it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from export.runtime.mel import XTTS_CONDITIONING, XTTS_SPEAKER, Mel
from export.runtime.resampling import resampled
from export.runtime.weights import WeightsError
from export.runtime.xtts.conditioning import Conditioning, Float, Recording
from export.runtime.xtts.config import TINY
from export.weights import Weights
from export.xtts import plain

RATE = TINY.input_rate


@pytest.fixture(scope="module")
def conditioning(conditioning_folder: Path) -> Conditioning:
    return Conditioning(conditioning_folder, threads=1)


def sound(seconds: float, seed: int = 0, rate: int = RATE) -> Float:
    """A hum that wanders, with breath."""
    random = np.random.default_rng(seed)
    count = round(seconds * rate)
    pitch = 120 + 40 * np.sin(np.arange(count) / rate * (2 + seed))
    turn = np.cumsum(2 * np.pi * pitch / rate)
    overtones = [np.sin(k * turn) / k for k in range(1, 12)]
    hum: Float = (0.1 * np.sum(overtones, axis=0) + random.normal(0, 0.01, count)).astype(np.float32)
    return hum


def expected_latents(weights: Weights, pieces: list[Float]) -> Float:
    found = []
    for piece in pieces:
        mel = np.log(np.maximum(Mel(XTTS_CONDITIONING)(piece), 1e-5)) / weights["mel_stats"][:, None]
        found.append(plain.conditioning(weights, TINY, mel.astype(np.float64)))
    mean: Float = np.mean(found, axis=0).astype(np.float32)
    return mean


def test_the_gpt_is_conditioned_on_the_mean_of_pieces(conditioning: Conditioning, weights: Weights) -> None:
    """4 s each; what is left is a piece too, if there are 0.33 s of it."""
    for seconds, ends in ((2.0, [2.0]), (5.0, [4.0, 5.0]), (4.3, [4.0])):
        pcm = sound(seconds)
        cuts = [0, *(round(end * RATE) for end in ends)]
        pieces = [pcm[start:end] for start, end in pairwise(cuts)]
        voice = conditioning([Recording(pcm, RATE)])
        assert voice.latents.shape == (32, TINY.width)
        assert np.abs(voice.latents - expected_latents(weights, pieces)).max() < 1e-4


def test_the_speaker_is_told_by_16_khz(conditioning: Conditioning, weights: Weights) -> None:
    pcm = sound(1.5)
    voice = conditioning([Recording(pcm, RATE)])
    expected = plain.speaker(weights, Mel(XTTS_SPEAKER)(resampled(pcm, RATE, 16_000)).astype(np.float64))
    assert np.abs(voice.speaker - expected).max() < 1e-4
    assert np.linalg.norm(voice.speaker) == pytest.approx(1.0, abs=1e-5)


def test_several_recordings_are_one_voice(conditioning: Conditioning) -> None:
    one, two = sound(1.0, 1), sound(3.5, 2)
    voice = conditioning([Recording(one, RATE), Recording(two, RATE)])
    assert np.allclose(voice.speaker, (conditioning.speaker(one) + conditioning.speaker(two)) / 2, atol=1e-6)
    assert np.allclose(voice.latents, conditioning.latents(np.concatenate([one, two])), atol=1e-6)


def test_recordings_are_heard_as_the_reference_loads_them(conditioning: Conditioning) -> None:
    pcm = sound(1.0, rate=48_000)
    mono = conditioning([Recording(pcm, 48_000)])
    stereo = conditioning([Recording(np.stack([1.5 * pcm, 0.5 * pcm]), 48_000)])
    assert np.allclose(mono.latents, stereo.latents, atol=1e-4)
    assert np.allclose(mono.speaker, conditioning.speaker(resampled(pcm, 48_000, RATE)), atol=1e-6)
    loud = conditioning([Recording(20 * pcm, 48_000)])
    clipped = np.clip(20 * resampled(pcm, 48_000, RATE), -1, 1)
    assert np.allclose(loud.speaker, conditioning.speaker(clipped), atol=1e-4)


def test_only_the_beginning_is_heard(conditioning_folder: Path, tmp_path: Path) -> None:
    for path in conditioning_folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "model.json").unlink()
    replace(TINY, conditioning_s=2, conditioning_chunk_s=1, reference_s=1).save(tmp_path)
    short = Conditioning(tmp_path, threads=1)
    recordings = [Recording(sound(2.0, seed), RATE) for seed in range(3)]
    heard = [Recording(sound(2.0, seed)[:RATE], RATE) for seed in range(3)]
    assert np.array_equal(short(recordings).speaker, short(heard).speaker)
    assert np.array_equal(short(recordings).latents, short(heard[:2]).latents)


def test_what_is_no_voice_is_refused(conditioning: Conditioning, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a recording"):
        conditioning([])
    with pytest.raises(ValueError, match="the recording is too short for a voice"):
        conditioning([Recording(sound(0.3), RATE)])
    with pytest.raises(ValueError, match="recording 2 is too short"):
        conditioning([Recording(sound(1.0), RATE), Recording(sound(0.1), RATE)])
    with pytest.raises(WeightsError, match="run `dragoman export xtts`"):
        Conditioning(tmp_path)


@pytest.mark.parametrize(
    ("pcm", "rate", "said"),
    [
        (np.full(RATE, np.nan, np.float32), RATE, "no finite numbers"),
        (np.append(sound(1.0), np.float32(np.inf)), RATE, "no finite numbers"),
        (np.full(RATE, 9_000, np.int16), RATE, "samples of int16: give floats"),
        (sound(1.0).reshape(1, 1, -1), RATE, "3 axes"),
        (sound(1.0), 0, "sample rate is 0 Hz"),
        (sound(1.0), -RATE, "sample rate is -22050 Hz"),
        (sound(1.0), 10**9, "sample rate is 1000000000 Hz"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_sentence(pcm: Float, rate: int, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        Recording(pcm, rate)
    assert "\n" not in str(refused.value)
