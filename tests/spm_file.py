"""A SentencePiece model file written by hand, for tests: pieces with scores and kinds, as protobuf."""

from __future__ import annotations

import struct
from collections.abc import Sequence

NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
UNIGRAM, BPE = 1, 2

SPECIAL = (("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL))


def spm(
    pieces: Sequence[tuple[str, float] | tuple[str, float, int]], *, algorithm: int = UNIGRAM, prefix: bool = True
) -> bytes:
    """The file's content; `SPECIAL` come first by themselves."""
    named = [(one[0], one[1], one[2] if len(one) == 3 else NORMAL) for one in pieces]
    message = b"".join(_field(1, _piece(*one)) for one in (*SPECIAL, *named))
    trainer = b"\x18" + bytes([algorithm])  # field 3, a number
    normaliser = _field(1, b"identity") + b"\x18" + bytes([prefix])
    return message + _field(2, trainer) + _field(3, normaliser)


def _piece(text: str, score: float, kind: int) -> bytes:
    return _field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + b"\x18" + bytes([kind])


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    made = b""
    while value >= 0x80:
        made, value = made + bytes([value & 0x7F | 0x80]), value >> 7
    return made + bytes([value])
