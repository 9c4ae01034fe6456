"""Recordings become a voice, or each is told what is wrong with it and what to do."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.audio.g711 import mulaw
from controller.errors import EngineRejected, EngineUnavailable, VoiceError
from controller.frames import Pcm
from controller.stack.wav import wav_header
from controller.voices.calibration import MOST_BYTES, Calibration, NotEnough, calibrate, takes
from controller.voices.likeness import NoClaim, thresholds
from controller.voices.profile import Encoder
from controller.voices.quality import Gates, Take, listen
from tests.fakes.fake_encoders import IDENTITY, LATENTS, STYLE, FakeEncoders, somebody
from tests.unit.test_wav import wav

ANA, BOB = 200.0, 105.0


def file(pcm: Pcm, rate: int = 16_000) -> bytes:
    return wav_header(rate, len(pcm)) + pcm.astype("<i2").tobytes()


def good(seed: int = 0, pitch: float = ANA) -> tuple[str, bytes]:
    return f"good{seed}.wav", file(somebody(pitch, seed=seed))


def calibrated(*given: tuple[str, bytes], encoders: FakeEncoders | None = None) -> Calibration:
    return asyncio.run(calibrate(takes(given), encoders or FakeEncoders()))


def refused(content: bytes, encoders: FakeEncoders | None = None) -> str:
    """Why a clip is refused that comes second of four."""
    made = calibrated(good(1), ("odd.wav", content), good(2), good(3), encoders=encoders)
    (one,) = made.refused
    assert (one.number, one.name) == (2, "odd.wav")
    assert one.sentence.startswith("Clip 2 (odd.wav): ")
    assert one.sentence.endswith(".")
    assert not one.sentence.endswith("..")
    assert len(made.clips) == 3, "the others are a voice"
    return one.why


def test_three_clips_are_a_voice() -> None:
    encoders = FakeEncoders()
    made = calibrated(good(1), good(2), good(3), encoders=encoders)
    made.check()
    assert [one.name for one in made.clips] == ["good1.wav", "good2.wav", "good3.wav"]
    assert not made.refused
    assert not made.notes
    assert made.encoders is not None
    assert (made.encoders.identity.id, made.encoders.style.id, made.encoders.latents.id) == (IDENTITY, STYLE, LATENTS)
    assert (made.encoders.identity.native_width, made.encoders.identity.structural) == (192, False)
    for clip in made.clips:
        assert np.allclose(np.linalg.norm(clip.identity, axis=1), 1)
        assert not np.allclose(clip.identity[0], clip.identity[1]), "as it was, and as through a telephone"
        assert not np.allclose(clip.style[0], clip.style[1])
        assert clip.quality.band == "wideband"
        assert clip.quality.warnings == ()
        assert clip.quality.speech_s > 2
        assert clip.quality.snr_db > 20


def test_the_conditioning_hears_all_of_it_and_the_encoders_the_speech() -> None:
    heard: dict[str, list[int]] = {"identity": [], "latents": []}

    class Noting(FakeEncoders):
        async def identity(self, pcm: Pcm, network: str = "") -> Any:
            heard["identity"].append(len(pcm))
            return await super().identity(pcm, network)

        async def latents(self, pcm: Pcm, rate: int) -> Any:
            heard["latents"].append(len(pcm))
            assert rate == 48_000
            return await super().latents(pcm, rate)

    silence = np.zeros(2 * 48_000, np.int16)
    clips = [
        (f"{seed}.wav", file(np.concatenate([silence, somebody(ANA, seed=seed, rate=48_000), silence]), 48_000))
        for seed in range(3)
    ]
    assert calibrated(*clips, encoders=Noting()).enough
    assert heard["latents"] == [10 * 48_000] * 3
    assert all(2 * 16_000 < count < 7 * 16_000 for count in heard["identity"])


def test_two_clips_are_too_few() -> None:
    encoders = FakeEncoders()
    made = calibrated(good(1), good(2), encoders=encoders)
    assert encoders.asked == [], "no model is asked for nothing"
    with pytest.raises(NotEnough, match=r"made from 3 clips or more, and 2 of these can be used\. Record more\."):
        made.check()
    with pytest.raises(VoiceError, match="11 clips are too many: give 3 to 10"):
        takes([good()] * 11)


def test_clips_of_two_people_are_told() -> None:
    made = calibrated(good(1), good(2), good(3, BOB), good(4))
    (one,) = made.refused
    assert (one.number, len(made.clips)) == (3, 3)
    assert "it sounds like another person than the others (likeness " in one.why
    with pytest.raises(NotEnough, match=r"and 2 of these can be used\. Clip \d .*another person.* Clip \d .*another"):
        calibrated(good(1), good(2), good(3, BOB), good(4, BOB)).check()


def test_random_weights_tell_nobody_from_anybody_and_it_says_so() -> None:
    encoders = FakeEncoders(identity=f"{IDENTITY}:structural")
    made = calibrated(good(1), good(2, BOB), good(3), encoders=encoders)
    assert len(made.clips) == 3
    (note,) = made.notes
    assert "It was not looked whether all clips are one person's" in note
    assert "random weights" in note
    for encoder in (f"{IDENTITY}:structural", "other:192:00"):
        with pytest.raises(NoClaim):
            thresholds(Encoder(encoder), "wideband")
    assert thresholds(Encoder(IDENTITY), "telephone", {"campplus:telephone": 0.7}).verified == 0.7


def test_silence_is_told() -> None:
    assert "it is silent: check the microphone" in refused(file(np.zeros(96_000, np.int16)))


def test_a_room_without_anybody_is_told() -> None:
    noise = np.random.default_rng(1).normal(0, 300, 96_000).astype(np.int16)
    why = refused(file(noise))
    assert "s of speech in it: speak for at least 2 s" in why or "sounds like music" in why


def test_music_is_told() -> None:
    times = np.arange(8 * 16_000) / 16_000
    chords = np.concatenate(
        [
            sum(np.sin(2 * np.pi * hertz * k * times[:16_000]) / k for hertz in chord for k in (1, 2, 3))
            for chord in [(220, 277, 330), (196, 247, 294), (175, 220, 262), (165, 208, 247)] * 2
        ]
    )
    why = refused(file(np.rint(chords / np.abs(chords).max() * 12_000).astype(np.int16)))
    assert "music" in why


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.3, "it lasts 0.3 s: record 3 to 30 s"), (31.0, "is longer than 30 s"), (2.9, "lasts 2.9 s")],
)
def test_a_clip_of_the_wrong_length_is_told(seconds: float, said: str) -> None:
    assert said in refused(file(somebody(ANA, seconds)))


def test_twenty_minutes_are_told_before_they_are_looked_at() -> None:
    line = wav(bytes(20 * 60 * 8000), kind=7, bits=8)
    assert "is longer than 30 s: cut out the part" in refused(line)
    assert "has 16 MB: 16 MB are the most" in refused(wav_header(48_000, MOST_BYTES // 2) + bytes(MOST_BYTES))


def test_a_telephones_recording_is_taken_and_marked() -> None:
    lines = [
        (f"{seed}.wav", wav(mulaw(somebody(ANA, seed=seed, rate=8000)), kind=7, bits=8, rate=8000)) for seed in range(3)
    ]
    made = calibrated(*lines)
    made.check()
    for clip in made.clips:
        assert clip.quality.band == "telephone"
        assert any("a telephone's band only" in one for one in clip.quality.warnings)
    narrow = np.clip(np.round(np.repeat(somebody(ANA, rate=8000), 2)), -32768, 32767).astype(np.int16)
    spectrum = np.fft.rfft(narrow)
    spectrum[len(spectrum) // 2 :] = 0
    resampled = np.rint(np.fft.irfft(spectrum, len(narrow))).astype(np.int16)
    assert listen(Take("x", resampled, 16_000)).quality.band == "telephone", "whatever its rate says"


def test_lines_that_carry_more_or_less_are_compared_in_the_band_that_all_have() -> None:
    """G.711 itself carries nearly 0 to 4 kHz: what came over it is heard as it is, and again in a telephone's band."""
    low: dict[bool, list[float]] = {False: [], True: []}

    class Noting(FakeEncoders):
        async def identity(self, pcm: Pcm, network: str = "") -> Any:
            power = np.square(np.abs(np.fft.rfft(pcm.astype(np.float64))))
            hertz = np.fft.rfftfreq(len(pcm), 1 / 16_000)
            share = power[(hertz > 60) & (hertz < 230)].sum() / power.sum()
            low[bool(share < 0.01)].append(share)
            return await super().identity(pcm, network)

    line = wav(mulaw(somebody(ANA, rate=8000)), kind=7, bits=8, rate=8000)
    calibrated(*[(f"{seed}.wav", line) for seed in range(3)], encoders=Noting())
    assert (len(low[False]), len(low[True])) == (3, 3)
    assert min(low[False]) > 0.1


def test_clipped_speech_is_told() -> None:
    loud = np.clip(somebody(ANA).astype(int) * 20, -32768, 32767).astype(np.int16)
    assert "it is clipped (" in refused(file(loud))
    quieter = (loud // 3).astype(np.int16)
    assert "it is clipped (" in refused(file(quieter)), "turned down afterwards it is clipped all the same"
    assert listen(Take("x", somebody(ANA), 16_000)).quality.clipped < 0.001


def test_noise_is_told_and_measured() -> None:
    clean = somebody(ANA).astype(float)
    power = np.square(clean).mean()
    measured = []
    for snr_db in (30, 20, 10, 2):
        noise = np.random.default_rng(1).normal(0, np.sqrt(power / 10 ** (snr_db / 10)), len(clean))
        noisy = np.clip(clean + noise, -32768, 32767).astype(np.int16)
        measured.append(listen(Take("x", noisy, 16_000)))
    figures = [one.quality.snr_db for one in measured]
    assert figures == sorted(figures, reverse=True)
    assert measured[0].trouble is None
    assert any("noise in it" in one for one in measured[2].quality.warnings)
    assert measured[3].trouble is not None


def test_a_whisper_far_away_is_told() -> None:
    assert "it is too quiet" in refused(file((somebody(ANA) // 20).astype(np.int16)))


def test_what_is_no_number_is_told() -> None:
    spoilt = (somebody(ANA) / 32768).astype("<f4")
    spoilt[1000] = np.nan
    assert "holds samples that are no numbers" in refused(wav(spoilt.tobytes(), kind=3, bits=32, rate=16_000))


def test_a_header_that_lies_is_told() -> None:
    content = file(somebody(ANA))
    assert "is cut short: its header promises" in refused(content[:-20_000])
    assert "header that makes no sense" in refused(content[:24] + struct.pack("<I", 7) + content[28:])
    assert "is not a WAV file" in refused(b"ID3" + content)
    for rate in (4000, 200_000):
        told = refused(file(somebody(ANA, 6.0 * rate / 16_000 if rate < 16_000 else 20.0), rate))
        assert "samples a second: record with 8000 to 192000" in told or "record 3 to 30 s" in told


def test_what_a_model_will_not_take_is_that_clips_trouble() -> None:
    class Picky(FakeEncoders):
        async def latents(self, pcm: Pcm, rate: int) -> Any:
            if len(pcm) == 5 * 16_000:
                raise EngineRejected("xtts_conditioning refused the request: it hums", engine="x")
            return await super().latents(pcm, rate)

    assert "it hums" in refused(file(somebody(ANA, 5.0)), Picky())


def test_an_encoder_that_is_not_there_is_told_as_such() -> None:
    encoders = FakeEncoders()
    encoders.failing = EngineUnavailable("gst is not loaded", engine="gst")
    with pytest.raises(EngineUnavailable):
        calibrated(good(1), good(2), good(3), encoders=encoders)


def test_a_measured_recording_of_any_length_is_no_fault(tmp_path: Path) -> None:
    for count in (0, 1, 159, 320, 16_000, 48_000, 48_001):
        listen(Take("x", np.ones(count, np.int16), 16_000), Gates(0.0, 0.0))
