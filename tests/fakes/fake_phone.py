"""A participant of a conversation in a unit test: speaks by a script on the clock, keeps what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from controller.flight.recording import Recording
from controller.frames import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE, SILENCE, AudioFrame, Pcm
from controller.pipeline.conversation import Conversation
from controller.pipeline.leg import Leg
from controller.pipeline.own_voice import OwnVoice

SPEECH_LEVEL = 2000

BUFFERED_FRAMES = 2
"""What the telephone system holds: a mark is reached so many frames after it was asked for."""


class LoudDetector:
    """Voiced where the frame is not silent: the truth, for tests."""

    def voiced(self, frame: AudioFrame) -> bool:
        return bool(np.any(frame.pcm))


def tone_frame(level: int = SPEECH_LEVEL) -> Pcm:
    return np.full(FRAME_SAMPLES, level, np.int16)


class FakePhone:
    """Sends a frame every 20 ms: speech inside the given spans of seconds, silence outside."""

    def __init__(
        self,
        conversation: Conversation,
        name: str,
        language: str,
        speech: Sequence[tuple[float, float]],
        candidates: tuple[str, ...] = (),
        recording: Recording | None = None,
        own_voice: OwnVoice | None = None,
    ) -> None:
        recording = recording or Recording()
        self.heard: list[Pcm] = []
        self.heard_at: list[float] = []
        self.level = SPEECH_LEVEL
        self._conversation = conversation
        self._speech = speech
        self._marks: list[tuple[int, str]] = []
        self.leg: Leg = conversation.join(name, language, recording.outlet(name, self), candidates, own_voice)
        self._wire = recording.leg(self.leg)
        self._task = asyncio.create_task(self._talk())

    def mark(self, name: str) -> bool:
        self._marks.append((len(self.heard) + BUFFERED_FRAMES, name))
        return True

    def send(self, pcm: Pcm) -> bool:
        while self._marks and self._marks[0][0] <= len(self.heard):
            # As from a socket: between two ticks, not inside one.
            asyncio.get_running_loop().call_soon(self._wire.reached, self._marks.pop(0)[1])
        self.heard.append(pcm)
        self.heard_at.append(self._conversation.now())
        return True

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        count = 0
        while True:
            now = count * FRAME_S
            speaks = any(begin <= now < end for begin, end in self._speech)
            self._wire.push(tone_frame(self.level) if speaks else SILENCE)
            count += 1
            await asyncio.sleep(start + count * FRAME_S - loop.time())

    def hang_up(self) -> None:
        """Send nothing more."""
        self._task.cancel()

    def peaks(self) -> list[tuple[float, int]]:
        """When each frame was heard, and its peak."""
        return [(at, int(np.max(np.abs(pcm)))) for at, pcm in zip(self.heard_at, self.heard, strict=True)]

    def heard_seconds(self) -> float:
        return len(self.heard) * FRAME_SAMPLES / SAMPLE_RATE
