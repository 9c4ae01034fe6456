"""G.711, both laws (ITU-T G.711): a byte a sample at 8 kHz, by tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controller.frames import Pcm


@dataclass(frozen=True, slots=True)
class Law:
    """One of the two codecs."""

    payload_type: int
    """Static, of RFC 3551."""

    name: str
    """As SDP calls it."""

    decoded: Pcm
    """int16[256]: the value of each byte."""

    encoded: npt.NDArray[np.uint8]
    """uint8[65536]: the byte nearest to each value, from -32768 on."""

    def encode(self, pcm: Pcm) -> bytes:
        return self.encoded[pcm.astype(np.int32) + 32768].tobytes()

    def decode(self, data: bytes) -> Pcm:
        return self.decoded[np.frombuffer(data, np.uint8)]


def _law(payload_type: int, name: str, decoded: npt.NDArray[np.int64]) -> Law:
    order = np.argsort(decoded, kind="stable")
    ascending = decoded[order]
    borders = (ascending[1:] + ascending[:-1]) / 2
    nearest = np.searchsorted(borders, np.arange(-32768, 32768))
    return Law(payload_type, name, decoded.astype(np.int16), order[nearest].astype(np.uint8))


def _mu_law() -> npt.NDArray[np.int64]:
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << (code >> 4 & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude)


def _a_law() -> npt.NDArray[np.int64]:
    code = np.arange(256) ^ 0x55
    segment, mantissa = code >> 4 & 7, (code & 0x0F) << 4
    magnitude = np.where(segment == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude)


PCMU = _law(0, "PCMU", _mu_law())
PCMA = _law(8, "PCMA", _a_law())
