"""The fields of a protobuf message, without its schema: as much as a SentencePiece model needs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_VARINT: Final = 0
_EIGHT_BYTES: Final = 1
_BYTES: Final = 2
_FOUR_BYTES: Final = 5


class WireError(ValueError):
    """It is no protobuf message."""


def fields(message: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """The number and the value of each field in order: a whole number, a float of four or eight bytes, or bytes.

    Raises:
        WireError: the message breaks off, or holds what no message does.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
        elif kind == _BYTES:
            size, at = _varint(message, at)
            yield number, _taken(message, at, size)
            at += size
        elif kind in (_FOUR_BYTES, _EIGHT_BYTES):
            size, form = (4, "<f") if kind == _FOUR_BYTES else (8, "<d")
            yield number, struct.unpack(form, _taken(message, at, size))[0]
            at += size
        else:
            raise WireError(f"a field of kind {kind} at byte {at}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise WireError("it breaks off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise WireError(f"a number without an end at byte {at}")


def _taken(message: bytes, at: int, size: int) -> bytes:
    if at + size > len(message):
        raise WireError("it breaks off")
    return message[at : at + size]
