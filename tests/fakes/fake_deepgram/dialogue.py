"""A scripted speaker: numbered words of several lengths, in utterances with silence between, some without a breath."""

from __future__ import annotations

import random
from collections.abc import Iterator

from controller.audio.vad import Endpointer
from controller.frames import FRAME_S, SILENCE, AudioFrame, Pcm
from controller.messages import VoiceEvent
from tests.fakes.fake_deepgram.ears import code

MOST_WORDS = 1500
"""Their codes are samples."""


class Dialogue:
    """What is said, in words and in frames."""

    def __init__(self, seconds: float, seed: int = 1) -> None:
        self.words: list[str] = []
        self.frames: list[Pcm] = []
        self._random = random.Random(seed)
        self._silence(50)
        while len(self.frames) * FRAME_S < seconds:
            # One in eight is long: it is cut in mid-speech.
            self._utterance(50 if self._random.random() < 1 / 8 else self._random.randint(1, 14))
            self._silence(self._random.randint(25, 90))
        assert len(self.words) < MOST_WORDS

    def events(self, endpointer: Endpointer, now_s: float, index: int) -> list[VoiceEvent]:
        """What a recogniser is fed for the frame `index`, by the real endpointer."""
        return endpointer.feed(AudioFrame(self.frames[index], index), now_s)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.frames)))

    def _utterance(self, count: int) -> None:
        sentence = 0
        for number in range(count):
            text = f"w{len(self.words)}" if sentence else f"W{len(self.words)}"
            sentence += 1
            if number == count - 1 or (sentence >= 5 and self._random.random() < 0.2):
                text, sentence = f"{text}.", 0
            frame = code(len(self.words))
            self.words.append(text)
            self.frames += [frame] * self._random.randint(8, 20)
            if number < count - 1:
                self._silence(self._random.randint(1, 4))

    def _silence(self, frames: int) -> None:
        self.frames += [SILENCE] * frames


class CodeDetector:
    """Says of a frame whether there is a word in it."""

    def voiced(self, frame: AudioFrame) -> bool:
        return bool(frame.pcm[0])
