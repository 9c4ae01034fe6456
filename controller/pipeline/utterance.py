"""One thing that is spoken to one listener: its sound, played while it is still being made, and how far it got."""

from __future__ import annotations

import itertools
from collections import deque

import numpy as np

from controller.frames import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Pcm
from controller.messages import Clause, Reason, SpeechChunk

END = SpeechChunk(SILENCE[:0], last=True)
"""For a sound that ended without saying so."""

_numbers = itertools.count(1)


class Utterance:
    """A translation, or an interjection: something else that is said to the listener and is no delivery."""

    def __init__(self, clause: Clause | None = None) -> None:
        """`clause`: what it is the translation of; None for an interjection."""
        self.clause = clause
        self.due_s = 0.0 if clause is None else clause.span.end_s
        """Its place in the queue; an interjection goes before all translations."""
        self.complete = False
        self.started = False
        self.abandoned: Reason | None = None
        self.handed = 0
        self.refused = 0
        """Frames that the media channel took, and did not take."""
        self.last_s = 0.0
        """When it took the last one so far."""
        name = f"interjection-{next(_numbers)}" if clause is None else clause.id
        self.begins = ""
        """The mark in front of its first frame: of the last attempt, for that of a refused frame says nothing."""
        self.ends = f"{name}.end"
        """The mark behind its last frame."""
        self.samples = 0
        """Samples that wait to be played."""
        self.fed_s = 0.0
        """Seconds of sound that came."""
        self._name = name
        self._chunks: deque[Pcm] = deque()
        self._taken: list[Pcm] = []

    def feed(self, chunk: SpeechChunk) -> None:
        """More sound came."""
        if len(chunk.pcm):
            self._chunks.append(chunk.pcm)
            self.samples += len(chunk.pcm)
            self.fed_s += len(chunk.pcm) / SAMPLE_RATE
        self.complete = self.complete or chunk.last

    def abandon(self, reason: Reason) -> None:
        """The rest will not come, and what waits is not played. Does nothing where the rest is there already."""
        if not self.complete:
            self.abandoned = reason

    def renew(self) -> None:
        """Forget the sound that came: none of it was heard, and it comes anew."""
        assert not self.started
        self._chunks.clear()
        self._taken.clear()
        self.samples = 0
        self.fed_s = 0.0
        self.complete = False

    def attempt(self) -> str:
        """The name for the mark in front of the frame that may become its first."""
        self.begins = f"{self._name}.{self.refused}"
        return self.begins

    def take(self) -> Pcm | None:
        """The next frame, int16[320]; None where there is not enough yet. The last one is padded with silence."""
        if self.samples < FRAME_SAMPLES and not (self.complete and self.samples):
            return None
        frame = self._chunks.popleft()
        if len(frame) > FRAME_SAMPLES:
            self._chunks.appendleft(frame[FRAME_SAMPLES:])
            frame = frame[:FRAME_SAMPLES]
        self._taken.append(frame)
        self.samples -= len(frame)
        return frame if len(frame) == FRAME_SAMPLES else self._filled(frame)

    def _filled(self, begun: Pcm) -> Pcm:
        """A whole frame out of the end of one chunk and what follows it."""
        frame = np.zeros(FRAME_SAMPLES, np.int16)
        filled = len(begun)
        frame[:filled] = begun
        while self._chunks and filled < FRAME_SAMPLES:
            chunk = self._chunks.popleft()
            piece = chunk[: FRAME_SAMPLES - filled]
            frame[filled : filled + len(piece)] = piece
            filled += len(piece)
            if len(piece) < len(chunk):
                self._chunks.appendleft(chunk[len(piece) :])
            self._taken.append(piece)
            self.samples -= len(piece)
        return frame

    def rewind(self) -> None:
        """From its first sample again."""
        self._chunks.extendleft(reversed(self._taken))
        self.samples += sum(map(len, self._taken))
        self._taken.clear()

    def again(self) -> Utterance:
        """The same sound as an interjection; of one that was taken whole."""
        again = Utterance()
        for piece in self._taken:
            again.feed(SpeechChunk(piece, last=False))
        again.complete = True
        return again
