"""The file of a recorded call: records in compressed chunks, each of them whole or not there at all.

    dragoman/flight/1 LF
    u32 length, head: JSON in the clear, {"salt": hex, or null where nothing is encrypted}
    u32 length, chunk, until the end of the file

A chunk is zlib's; with a key, that in AES-256-GCM. The key of a file is scrypt(key, its salt); the nonce is the chunk's
number, so that none can be left out or moved; the head is authenticated with each. A record in a chunk is

    f64 seconds on the recording event loop's clock, u32 length of JSON, u32 samples, JSON, int16 differences of samples

all little-endian. What the records say is no matter of this module; the last one of a whole file is ["end"].
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from controller import sealing
from controller.errors import RecordingError, UsageError
from controller.frames import Pcm
from controller.sealing import NONCE_BYTES, Seal

KIND: Final = "dragoman/flight/"
VERSION: Final = 1

END: Final = "end"
"""The last record of a whole file."""

_MOST_BYTES: Final = 1 << 26
"""A longer chunk is none: the file is damaged."""

_LENGTH: Final = struct.Struct("<I")
_RECORD: Final = struct.Struct("<dII")
_LEVEL: Final = 1
"""zlib's fastest: speech as differences is noise anyway, and silence shrinks to nothing at every level."""


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened."""

    at: float
    """Seconds on the recording event loop's clock"""

    what: Sequence[Any]
    """Its kind and what there is to say of it, JSON-ready"""

    pcm: Pcm | None = None
    """int16[n], where it is sound"""


class _Chunks:
    """Seals the chunks of one file, and opens them."""

    def __init__(self, key: str, salt: bytes, head: bytes) -> None:
        """
        Raises:
            RecordingError: the package that does it is missing.
        """
        try:
            self._seal = Seal(key, salt)
        except UsageError as error:
            raise RecordingError(str(error)) from error
        self._head = head

    def close(self, chunk: bytes, number: int) -> bytes:
        return self._seal.close(chunk, number.to_bytes(NONCE_BYTES, "big"), self._head)

    def open(self, chunk: bytes, number: int) -> bytes | None:
        """None where the chunk is not what was written, or the key is another one."""
        return self._seal.open(chunk, number.to_bytes(NONCE_BYTES, "big"), self._head)


class FlightWriter:
    """Writes records to a new file; buffers them until `flush`."""

    def __init__(self, file: BinaryIO, key: str = "") -> None:
        """
        Args:
            file: empty and open for writing.
            key: encrypts; empty leaves the file in the clear.
        Raises:
            OSError: it cannot be written.
            RecordingError: there is a key and nothing to encrypt with.
        """
        self._file = file
        salt = sealing.salt() if key else b""
        head = json.dumps({"salt": salt.hex() or None}).encode()
        self._sealed = _Chunks(key, salt, head) if key else None
        self._count = 0
        self._records: list[bytes] = []
        file.write(f"{KIND}{VERSION}\n".encode() + _LENGTH.pack(len(head)) + head)
        file.flush()

    def add(self, record: Record) -> None:
        """Take a record for the next chunk."""
        text = json.dumps(record.what, ensure_ascii=False, separators=(",", ":")).encode()
        samples = 0 if record.pcm is None else len(record.pcm)
        self._records += _RECORD.pack(record.at, len(text), samples), text
        if record.pcm is not None:
            self._records.append(np.diff(record.pcm, prepend=np.int16(0)).astype("<i2", copy=False).tobytes())

    def flush(self) -> None:
        """Write what was added as a chunk.

        Raises:
            OSError: it cannot be written.
        """
        if not self._records:
            return
        chunk = zlib.compress(b"".join(self._records), _LEVEL)
        self._records.clear()
        if self._sealed is not None:
            chunk = self._sealed.close(chunk, self._count)
        self._count += 1
        self._file.write(_LENGTH.pack(len(chunk)) + chunk)
        self._file.flush()


@dataclass(frozen=True, slots=True)
class Flight:
    """What a file holds."""

    records: list[Record]

    whole: bool
    """False where it was cut short, by a kill, or is damaged: these are the records up to there."""


def read(path: Path, key: str = "") -> Flight:
    """Read a file, as far as it goes.

    Raises:
        RecordingError: it cannot be read, is none of ours or of another format, or the key is missing or another one's.
    """
    try:
        with path.open("rb") as file:
            return _read(file, path, key)
    except OSError as error:
        raise RecordingError(f"The recording {path} cannot be read: {error.strerror}.") from error


def _read(file: BinaryIO, path: Path, key: str) -> Flight:
    kind, _, version = file.readline(64).decode(errors="replace").rstrip("\n").rpartition("/")
    if f"{kind}/" != KIND or not version.isdecimal():
        raise RecordingError(f"{path} is no recorded call: it does not begin with {KIND}{VERSION}.")
    if int(version) != VERSION:
        other = "a newer" if int(version) > VERSION else "an older"
        raise RecordingError(f"{path} has format {version}, and this Dragoman reads {VERSION}: use {other} one.")
    head = _take(file)
    try:
        salt = bytes.fromhex(json.loads(head)["salt"] or "")
    except (ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"{path} is damaged or cut short in its head: take another copy.") from error
    if salt and not key:
        raise RecordingError(f"{path} is encrypted: give its key with --key-file or DRAGOMAN_RECORDER__KEY.")
    sealed = _Chunks(key, salt, head) if salt else None
    records: list[Record] = []
    number = 0
    while chunk := _take(file):
        compressed = sealed.open(chunk, number) if sealed else chunk
        if compressed is None and number == 0:
            raise RecordingError(f"The key does not open {path}: it was recorded with another one.")
        try:
            records += _records(zlib.decompress(compressed or b""))
        except zlib.error:  # damaged from here on
            return Flight(records, whole=False)
        number += 1
    return Flight(records, whole=bool(records) and records[-1].what[0] == END)


def _take(file: BinaryIO) -> bytes:
    """The next piece with a length before it; empty where the file ends before the piece does."""
    prefix = file.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return b""
    (length,) = _LENGTH.unpack(prefix)
    piece = file.read(min(length, _MOST_BYTES))
    return piece if len(piece) == length else b""


def _records(content: bytes) -> Iterator[Record]:
    place = 0
    while place < len(content):
        at, length, samples = _RECORD.unpack_from(content, place)
        place += _RECORD.size
        what = json.loads(content[place : place + length])
        place += length
        pcm = None
        if samples:
            pcm = np.cumsum(np.frombuffer(content, "<i2", samples, place), dtype=np.int16)
            place += 2 * samples
        yield Record(at, what, pcm)
