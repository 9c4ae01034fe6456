"""A person's recordings, good and bad, and what phones leave behind."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from controller.audio.g711 import mulaw
from controller.errors import AudioFileError
from controller.frames import Pcm
from controller.stack.wav import PHONE_RATE, read_recording, read_wav, write_wav


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A sine at half of full scale."""
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def wav(
    data: bytes,
    *,
    kind: int = 1,
    channels: int = 1,
    rate: int = 8000,
    bits: int = 16,
    size: int | None = None,
) -> bytes:
    """A RIFF file; `size` is what its header says of the data."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * block, block, bits)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form
    body += b"LIST\x03\x00\x00\x00abc\x00"  # a chunk of an odd length before the data
    body += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def put(folder: Path, content: bytes) -> Path:
    path = folder / "voice.wav"
    path.write_bytes(content)
    return path


def s16(samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    return np.rint(samples * 32767).astype("<i2").tobytes()


def s24(samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    whole = np.rint(samples * (2**23 - 1)).astype("<i4")
    return whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


@given(pcm=npst.arrays(np.int16, st.integers(1, 500)), rate=st.sampled_from([8000, 16000, 24000]))
def test_what_is_written_comes_back_bit_for_bit(pcm: Pcm, rate: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("wav") / "x.wav"
    write_wav(path, pcm, rate)
    assert np.array_equal(read_wav(path, rate), pcm)
    recording, found = read_recording(path)
    assert np.array_equal(recording, pcm) and found == rate


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(wav(s16(tone(44100)), rate=44100), id="44.1 kHz"),
        pytest.param(wav(s16(np.repeat(tone(8000), 2)), channels=2), id="stereo"),
        pytest.param(wav(s16(np.repeat(tone(48000), 6)), channels=6, rate=48000), id="six channels at 48 kHz"),
        pytest.param(wav(np.rint(tone(8000) * 127 + 128).astype(np.uint8).tobytes(), bits=8), id="8 bits"),
        pytest.param(wav(s24(tone(8000)), bits=24), id="24 bits"),
        pytest.param(wav(s24(np.repeat(tone(44100), 2)), bits=24, channels=2, rate=44100), id="24 bits stereo"),
        pytest.param(wav(np.rint(tone(8000) * (2**31 - 1)).astype("<i4").tobytes(), bits=32), id="32 bits"),
        pytest.param(wav(tone(16000).astype("<f4").tobytes(), kind=3, bits=32, rate=16000), id="float"),
        pytest.param(wav(tone(8000).astype("<f8").tobytes(), kind=3, bits=64), id="double"),
        pytest.param(wav(mulaw(np.rint(tone(8000) * 32767).astype(np.int16)), kind=7, bits=8), id="mu-law"),
        pytest.param(wav(s16(tone(8000)), size=0xFFFFFFFF), id="written into a pipe"),
    ],
)
def test_every_kind_becomes_8_khz_mono(tmp_path: Path, content: bytes) -> None:
    pcm = read_wav(put(tmp_path, content))
    assert pcm.dtype == np.int16
    assert abs(len(pcm) - PHONE_RATE) <= 1
    wanted = tone(8000)[: len(pcm)] * 32768
    middle = slice(800, len(pcm) - 800)  # a resampler rings at the edges
    error = pcm[middle] - wanted[middle]
    assert np.sqrt((error**2).mean()) < 200  # 8 bits, mu-law or not, allow no better


def test_channels_are_mixed_and_not_dropped(tmp_path: Path) -> None:
    left_only = np.column_stack([tone(8000), np.zeros(8000)]).ravel()
    pcm = read_wav(put(tmp_path, wav(s16(left_only), channels=2)))
    assert abs(int(pcm.max()) - 8191) < 10


def test_loud_floats_are_clipped_and_do_not_wrap(tmp_path: Path) -> None:
    pcm = read_wav(put(tmp_path, wav((tone(8000) * 8).astype("<f4").tobytes(), kind=3, bits=32)))
    assert pcm.max() == 32767 and pcm.min() == -32768
    assert (np.abs(np.diff(pcm.astype(int))) < 60_000).all()


def test_an_extensible_header_is_read(tmp_path: Path) -> None:
    data = s16(tone(8000))
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 0) + struct.pack("<H", 1) + bytes(14)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    assert len(read_wav(put(tmp_path, b"RIFF" + struct.pack("<I", len(body)) + body))) == 8000


GOOD = wav(s16(tone(8000)))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "is empty", id="empty file"),
        pytest.param(b"ID3\x04 an mp3 by another name", "not a WAV", id="no WAV"),
        pytest.param(GOOD[:8], "not a WAV", id="eight bytes"),
        pytest.param(GOOD[:-1000], "cut short: its header promises 16000 bytes of sound and 15000", id="truncated"),
        pytest.param(GOOD[:30], "holds no sound|cut short", id="truncated header"),
        pytest.param(wav(b""), "holds no sound", id="no samples"),
        pytest.param(wav(b"\x00"), "holds no sound", id="half a sample"),
        pytest.param(wav(bytes(800), kind=2, bits=8), r"compressed \(ADPCM\)", id="ADPCM"),
        pytest.param(wav(bytes(800), kind=7, bits=16), "makes no sense", id="mu-law of 16 bits"),
        pytest.param(wav(bytes(800), kind=0x55), r"compressed \(MP3\)", id="MP3 in RIFF"),
        pytest.param(wav(bytes(800), kind=999), r"compressed \(format 999\)", id="unknown codec"),
        pytest.param(wav(bytes(800), rate=0), "makes no sense", id="0 Hz"),
        pytest.param(wav(bytes(800), channels=0), "makes no sense", id="no channels"),
        pytest.param(wav(bytes(800), bits=40), "makes no sense", id="40 bits"),
        pytest.param(wav(np.full(800, np.nan, "<f4").tobytes(), kind=3, bits=32), "no numbers", id="NaN"),
        pytest.param(wav(bytes(8001 * 3600), bits=8), "longer than an hour", id="too long"),
        pytest.param(b"RIFF\x10\x00\x00\x00WAVEdata\x04\x00\x00\x00abcd", "does not say how", id="no fmt"),
    ],
)
def test_a_bad_file_is_named_and_why(tmp_path: Path, content: bytes, says: str) -> None:
    path = put(tmp_path, content)
    with pytest.raises(AudioFileError, match=says) as raised:
        read_wav(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="No such file"):
        read_wav(tmp_path / "nowhere.wav")
    with pytest.raises(AudioFileError, match="directory"):
        read_wav(tmp_path)


@given(content=st.binary(max_size=200), cut=st.integers(0, 60))
def test_no_bytes_whatever_raise_anything_else(
    content: bytes, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("wav") / "x.wav"
    path.write_bytes(GOOD[:cut] + content)
    with suppress(AudioFileError):
        assert read_wav(path).dtype == np.int16


@pytest.mark.parametrize("size", [0, 4, 12345678, 0xFFFFFFFF])
def test_a_recording_whose_writer_was_killed_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    pcm, rate = read_recording(put(tmp_path, wav(s16(tone(8000)) + b"\x01", size=size)))
    assert (len(pcm), rate) == (8000, 8000)


def test_a_recording_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="16-bit mono"):
        read_recording(put(tmp_path, wav(bytes(800), channels=2)))
