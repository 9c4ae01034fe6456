"""What a listener has of an utterance that comes in chunks. Pure: knows moments and numbers of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

FRAME_S: Final = 0.02
"""What a player takes at a time."""

FIRST_S: Final = 0.149
"""Less sound than this is no beginning: the first chunk of Triton's model has as much."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the sound."""

    at_s: float
    """When it came, after the request."""
    samples: int


@dataclass(frozen=True, slots=True)
class Heard:
    """One utterance, chunk by chunk."""

    asked_s: float
    """When it was asked for, on the clock of all that were measured together."""
    chunks: tuple[Chunk, ...]
    """Only those with sound in them."""
    rate: int
    """Hertz."""

    @property
    def sound_s(self) -> float:
        """Seconds of sound."""
        return sum(one.samples for one in self.chunks) / self.rate

    @property
    def first_chunk_s(self) -> float:
        """Seconds of sound in the first chunk."""
        return self.chunks[0].samples / self.rate

    @property
    def first_audio_s(self) -> float:
        """When a beginning was there; the end, where all of it is shorter."""
        samples = 0
        for one in self.chunks:
            samples += one.samples
            if samples >= FIRST_S * self.rate:
                return one.at_s
        return self.chunks[-1].at_s

    @property
    def second_chunk_s(self) -> float | None:
        """When the second chunk came; None where there is but one."""
        return self.chunks[1].at_s if len(self.chunks) > 1 else None

    @property
    def gaps_s(self) -> list[float]:
        """Between each chunk and the next."""
        return [later.at_s - earlier.at_s for earlier, later in pairwise(self.chunks)]

    @property
    def gapless_start_s(self) -> float:
        return gapless_start_s(self.chunks, self.rate)

    @property
    def over_s(self) -> float:
        """When its last chunk came, on the clock of all."""
        return self.asked_s + self.chunks[-1].at_s

    def tokens(self, tokens_per_s: float) -> int:
        """Audio tokens in the sound, of which so many are a second."""
        return round(self.sound_s * tokens_per_s)


def gapless_start_s(chunks: Sequence[Chunk], rate: int, frame_s: float = FRAME_S) -> float:
    """The earliest moment, after the request, to begin to play such that every frame is whole when it is due.

    Frame k is due k frames after the start; the last one is filled up with silence. Of each chunk only its first sample
    matters: the frame that holds it cannot be played before the chunk came.
    """
    frame = round(rate * frame_s)
    start, samples = 0.0, 0
    for one in chunks:
        if one.samples:
            start = max(start, one.at_s - samples // frame * frame_s)
            samples += one.samples
    return start
