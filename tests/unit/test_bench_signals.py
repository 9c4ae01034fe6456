"""Sounds are found in recordings to the sample, and the markers are no speech."""

from __future__ import annotations

import numpy as np
import soxr

from controller.audio.vad import Endpointer, WebRtcDetector
from controller.frames import FRAME_SAMPLES, SAMPLE_RATE, AudioFrame, Pcm
from controller.stack.wav import PHONE_RATE
from loadtest.call.again import telephone
from loadtest.call.plan import MARKER
from loadtest.call.signals import correlation, find


def noise(seconds: float, seed: int, level: float = 3000.0) -> Pcm:
    made: Pcm = np.random.default_rng(seed).normal(0, level, round(seconds * PHONE_RATE)).astype(np.int16)
    return made


def test_a_sound_is_found_to_the_sample_under_another_and_much_softer() -> None:
    sound = noise(1.0, 1)
    recording = noise(10.0, 2, 1000.0)
    recording[33_333 : 33_333 + len(sound)] += (sound * 0.5).astype(np.int16)
    found = find(sound, recording)
    assert found is not None
    assert found.position == 33_333
    assert 0.6 < found.score < 0.99


def test_what_is_not_there_is_not_found() -> None:
    assert find(noise(1.0, 1), noise(10.0, 2)) is None
    assert find(noise(1.0, 1), np.zeros(0, np.int16)) is None
    assert find(noise(1.0, 1), np.zeros(40_000, np.int16)) is None, "silence fits nothing"


def test_the_first_of_two_equal_sounds_counts_and_the_search_can_begin_behind_it() -> None:
    sound = noise(0.5, 1)
    recording = np.zeros(60_000, np.int16)
    for place in (10_000, 30_000):
        recording[place : place + len(sound)] = sound
    first = find(sound, recording)
    second = find(sound, recording, 10_001)
    assert first is not None and second is not None
    assert (first.position, second.position) == (10_000, 30_000)
    assert find(sound, recording, 10_001, 29_999) is None


def test_correlation_has_a_value_for_each_place() -> None:
    assert len(correlation(noise(0.1, 1), noise(1.0, 2))) == 8000 - 800 + 1
    assert len(correlation(noise(1.0, 1), noise(0.1, 2))) == 0


def test_a_marker_starts_no_utterance_wherever_it_falls_among_the_frames() -> None:
    for shift in range(0, FRAME_SAMPLES // 2, 16):
        track = np.zeros(2 * PHONE_RATE, np.int16)
        track[8000 + shift : 8000 + shift + len(MARKER)] = MARKER
        wide = soxr.resample(track, PHONE_RATE, SAMPLE_RATE)
        endpointer = Endpointer(WebRtcDetector())
        for index in range(len(wide) // FRAME_SAMPLES):
            frame = AudioFrame(wide[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES], index)
            assert endpointer.feed(frame, index * 0.02) == []


def test_a_telephone_takes_the_high_tones_and_leaves_the_low_ones_with_the_noise_of_its_code() -> None:
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    low, high = (np.rint(8000 * np.sin(2 * np.pi * hertz * t)).astype(np.int16) for hertz in (1000, 6000))
    left = telephone(low).astype(float) - low
    assert 30 < 20 * np.log10(np.std(low) / np.std(left[800:-800])) < 45, "mu-law: about 38 dB"
    assert np.std(telephone(high)[800:-800]) < 30
