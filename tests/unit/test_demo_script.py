"""What the phones of a demo say and when, and where that lies on the call's clock."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from controller.demo.report import envelope, offset_s
from controller.demo.script import ANSWER_S, LEAD_S, as_long_as, own_recording, turns, voiced_span
from controller.errors import AudioFileError
from controller.frames import Pcm
from controller.stack.wav import PHONE_RATE, write_wav


def speech(seconds: float, seed: int = 0) -> Pcm:
    noise = np.random.default_rng(seed).normal(0, 3000, round(seconds * PHONE_RATE))
    swing = np.abs(np.sin(np.arange(len(noise)) / PHONE_RATE * 9))
    return (noise * swing).astype(np.int16)


def test_turns_never_overlap_and_wait_for_the_translation() -> None:
    first, second = turns([("one", speech(2)), ("three", speech(1))], [("two", speech(3)), ("four", speech(1))])
    order = sorted([*first.said, *second.said], key=lambda said: said.start_s)
    assert [said.text for said in order] == ["one", "two", "three", "four"]
    assert order[0].start_s == pytest.approx(LEAD_S, abs=0.05)
    for one, following in itertools.pairwise(order):
        assert following.start_s - one.end_s > ANSWER_S
    assert len(first.pcm) == len(second.pcm)


def test_silence_around_the_voice_is_not_counted_as_said() -> None:
    padded = np.concatenate([np.zeros(4000, np.int16), speech(1), np.zeros(8000, np.int16)])
    start, end = voiced_span(padded)
    assert start == pytest.approx(0.5, abs=0.03)
    assert end == pytest.approx(1.5, abs=0.03)
    assert voiced_span(np.zeros(800, np.int16)) == (0.0, 0.1)
    assert voiced_span(np.zeros(0, np.int16)) == (0.0, 0.0)


def test_an_own_recording_is_padded_so_that_its_end_is_heard(tmp_path: Path) -> None:
    write_wav(tmp_path / "own.wav", speech(2), PHONE_RATE)
    part = own_recording(tmp_path / "own.wav")
    assert part.said[0].text is None
    assert len(part.pcm) / PHONE_RATE > 2 + 10
    longer = as_long_as(part, turns([("x", speech(9))], [("y", speech(9))])[0])
    assert len(longer.pcm) > len(part.pcm)


def test_an_own_recording_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.wav").write_bytes(b"this is no sound")
    with pytest.raises(AudioFileError, match=r"no\.wav"):
        own_recording(tmp_path / "no.wav")


@pytest.mark.parametrize("shift", [0, 7, 40])
def test_the_offset_of_a_recording_is_found_from_levels(shift: int) -> None:
    part, _ = turns([("one", speech(2, 1)), ("two", speech(1.5, 2))], [("x", speech(1, 3)), ("y", speech(1, 4))])
    sent = envelope(part)
    arrived = np.concatenate([np.zeros(shift, np.float32), sent * 0.9])[: len(sent)]
    assert offset_s(sent, arrived) == pytest.approx(shift * 0.02)
    late = sent[25:]  # the call was bridged half a second into the recording
    assert offset_s(sent, late) == pytest.approx(-0.5)
