"""The file of a recorded call: what was written is read, as far as it goes, and what cannot be read is told."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from controller.errors import RecordingError
from controller.telemetry.flight import END, FlightWriter, Record, read

KEY = "correct horse battery staple"


def written(path: Path, chunks: list[list[Record]], key: str = "") -> Path:
    with path.open("wb") as file:
        writer = FlightWriter(file, key)
        for chunk in chunks:
            for record in chunk:
                writer.add(record)
            writer.flush()
    return path


def some(count: int = 3) -> list[list[Record]]:
    rng = np.random.default_rng(1)
    return [
        [Record(number + 0.25, ["frame", "a"], rng.integers(-32768, 32767, 320).astype(np.int16)) for _ in range(5)]
        for number in range(count)
    ]


def same(one: Record, other: Record) -> bool:
    sound = (one.pcm is None and other.pcm is None) or np.array_equal(one.pcm, other.pcm)  # type: ignore[arg-type]
    return sound and (one.at, list(one.what)) == (other.at, list(other.what))


@settings(max_examples=20)
@given(
    at=st.floats(allow_nan=False),
    words=st.lists(st.text() | st.integers() | st.none()),
    pcm=st.none() | arrays(np.int16, st.integers(1, 700)),
    key=st.sampled_from(["", "k"]),
)
def test_what_was_written_is_read(
    at: float, words: list[str], pcm: np.ndarray | None, key: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    record = Record(at, ["kind", *words], pcm)
    flight = read(written(tmp_path_factory.mktemp("f") / "x.flight", [[record], [Record(1.0, [END])]], key), key)
    assert flight.whole
    assert same(flight.records[0], record)


@pytest.mark.parametrize("key", ["", KEY])
def test_a_file_cut_anywhere_is_read_up_to_there(key: str, tmp_path: Path) -> None:
    records = some()
    content = written(tmp_path / "x.flight", records, key).read_bytes()
    flat = [record for chunk in records for record in chunk]
    lengths = set()
    for cut in range(200, len(content), 499):
        (tmp_path / "cut.flight").write_bytes(content[:cut])
        flight = read(tmp_path / "cut.flight", key)
        assert not flight.whole
        assert all(map(same, flight.records, flat))
        lengths.add(len(flight.records))
    assert lengths == {0, 5, 10}


@pytest.mark.parametrize("key", ["", KEY])
def test_a_changed_byte_ends_what_is_read(key: str, tmp_path: Path) -> None:
    content = bytearray(written(tmp_path / "x.flight", [*some(), [Record(9.0, [END])]], key).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "x.flight").write_bytes(content)
    flight = read(tmp_path / "x.flight", key)
    assert not flight.whole
    assert len(flight.records) == 5


def test_an_encrypted_file_tells_nothing_without_its_key(tmp_path: Path) -> None:
    path = written(tmp_path / "x.flight", [[Record(0.0, ["text", "what was said" * 5])]], KEY)
    plain = written(tmp_path / "plain.flight", [[Record(0.0, ["text", "what was said" * 5])]])
    assert b"what was said" not in path.read_bytes()
    assert read(plain, KEY).records, "a key that is not needed does no harm"
    with pytest.raises(RecordingError, match=r"is encrypted: give its key with --key-file or DRAGOMAN_RECORDER__KEY"):
        read(path)
    with pytest.raises(RecordingError, match=r"The key does not open .*x\.flight"):
        read(path, KEY + "r")


def test_two_files_of_one_key_share_no_bytes(tmp_path: Path) -> None:
    one, other = (written(tmp_path / name, some(1), KEY).read_bytes() for name in ("1.flight", "2.flight"))
    assert one[100:] != other[100:]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no recorded call"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "is no recorded call"),
        (b"dragoman/flight/x\n", "is no recorded call"),
        (b"dragoman/flight/2\n....", "has format 2, and this Dragoman reads 1: use a newer one"),
        (b"dragoman/flight/0\n....", "has format 0, and this Dragoman reads 1: use an older one"),
        (b"dragoman/flight/1\n\x00", "is damaged or cut short in its head"),
        (b"dragoman/flight/1\n\x02\0\0\0{}", "is damaged or cut short in its head"),
    ],
)
def test_what_is_none_of_ours_is_told_in_a_sentence(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.flight").write_bytes(content)
    with pytest.raises(RecordingError, match=words):
        read(tmp_path / "x.flight")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        read(tmp_path / "none.flight")


def test_silence_costs_next_to_nothing() -> None:
    file = io.BytesIO()
    writer = FlightWriter(file)
    for number in range(50):
        writer.add(Record(number * 0.02, ["frame", "a"], np.zeros(320, np.int16)))
    writer.flush()
    assert len(file.getvalue()) < 0.03 * 50 * 640
