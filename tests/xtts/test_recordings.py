"""What is taken as a voice's recording, and the sentence for what is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from export.runtime.xtts.recordings import checked

Samples = NDArray[np.int16]


def noise(seconds: float, rate: int = 16_000, level: float = 3_000) -> Samples:
    return np.random.default_rng(1).normal(0, level, round(seconds * rate)).astype(np.int16)


@pytest.mark.parametrize(("seconds", "rate"), [(3, 16_000), (30, 8_000), (6, 44_100), (6, 192_000)])
def test_speech_of_any_usual_rate_is_taken_as_it_is(seconds: float, rate: int) -> None:
    pcm = noise(seconds, rate)
    recording = checked(pcm, rate)
    assert recording.rate == rate
    assert recording.pcm.dtype == np.float32
    assert np.array_equal(recording.pcm * 32_768, pcm)


def test_a_word_in_a_long_silence_is_enough() -> None:
    pcm = np.concatenate([np.zeros(80_000, np.int16), noise(0.6), np.zeros(80_000, np.int16)])
    assert len(checked(pcm, 16_000).pcm) == len(pcm)


@pytest.mark.parametrize(
    ("pcm", "rate", "said"),
    [
        (noise(0), 16_000, "lasts 0.00 s: give 3 to 30 s"),
        (noise(2.9), 16_000, "lasts 2.90 s"),
        (noise(30.1), 16_000, "lasts 30.10 s"),
        (noise(6), 0, "the sample rate is 0 Hz: give a recording of 8000 to 192000 Hz"),
        (noise(6), -16_000, "the sample rate is -16000 Hz"),
        (noise(6), 4_000, "the sample rate is 4000 Hz"),
        (noise(6), 2**31 - 1, "the sample rate is 2147483647 Hz"),
        (noise(6, level=0), 16_000, "is silent"),
        (noise(6, level=20), 16_000, "is silent"),
        (np.full(96_000, 12_000, np.int16), 16_000, "is silent"),
    ],
)
def test_what_is_no_voice_is_refused_in_one_sentence(pcm: Samples, rate: int, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        checked(pcm, rate)
    assert "\n" not in str(refused.value)
