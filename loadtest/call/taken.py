"""All that is kept of one call, as it happens: what the service told, what the voice made, what arrived."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from controller.engines.tts import Voice
from controller.engines.tts.timbre import Timbre
from controller.errors import EngineError
from controller.frames import FRAME_SAMPLES, SAMPLE_RATE, AudioFrame, Pcm
from controller.messages import Clause, Delivery, Outcome, SpeechChunk
from controller.observer import Observer
from controller.pipeline.conversation import Conversation
from loadtest.call.plan import CallPlan
from loadtest.call.signals import chirp
from loadtest.call.wire import Wire

TONE: Final = chirp(0.12, 400, 3200, 8000, SAMPLE_RATE)
"""Before the first translation of a call."""

BACKLOG_EVERY: Final = 5
"""Ticks."""

Spoken = dict[tuple[str, str], list[Pcm]]
"""What the voice made, by text and language: int16[n] at the controller's rate, once for each time it was asked."""


@dataclass
class Taken(Observer):
    """One call. It is its observer, its tap, and where its recordings are put in the end."""

    plan: CallPlan
    spoken: Spoken = field(default_factory=dict)
    clauses: list[Clause] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    backlog_s: list[float] = field(default_factory=list)
    """Every tenth of a second from the first clause on."""
    heard: dict[str, Pcm] = field(default_factory=dict)
    """What each phone recorded, 8 kHz."""
    recordings: dict[str, Pcm] = field(default_factory=dict)
    """The same at the rate of the line's codec."""
    wires: dict[str, Wire] = field(default_factory=dict)
    """The stream to each phone."""
    conversation: Conversation | None = None
    ended: str = ""
    _frames: dict[str, list[AudioFrame]] = field(default_factory=dict)
    _ticks: int = 0

    def tap(self, leg: str, frame: AudioFrame) -> None:
        self._frames.setdefault(leg, []).append(frame)

    def arrived(self, leg: str) -> tuple[Pcm, int]:
        """What a leg said as it arrived, int16[n] at the controller's rate, and the index of the first frame."""
        frames = self._frames.get(leg, [])
        if not frames:
            return np.zeros(0, np.int16), 0
        first = frames[0].index
        pcm = np.zeros((frames[-1].index - first + 1) * FRAME_SAMPLES, np.int16)
        for frame in frames:
            begin = (frame.index - first) * FRAME_SAMPLES
            pcm[begin : begin + FRAME_SAMPLES] = frame.pcm
        return pcm, first

    def backlog_until_heard(self) -> list[float]:
        """What waited for the listener, seconds, ten times a second until all was heard: the silence behind it would
        flatter."""
        last = max((index for index, value in enumerate(self.backlog_s) if value > 0.0), default=-1)
        return self.backlog_s[: last + 1]

    @property
    def toned(self) -> set[str]:
        """Languages in which a translation has been played, so that the tone has passed."""
        return {one.language for one in self.deliveries if one.outcome is Outcome.PLAYED}

    def clause(self, call: str, clause: Clause) -> None:
        self.clauses.append(clause)

    def delivered(self, call: str, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    def engine_failed(self, call: str, kind: str, error: EngineError) -> None:
        self.failures.append(f"{kind}: {error}")

    def ticked(self, call: str, late_s: float, work_s: float, frames_in: int, frames_dropped: int) -> None:
        self._ticks += 1
        if self.clauses and self.conversation is not None and self._ticks % BACKLOG_EVERY == 0:
            self.backlog_s.append(self.conversation.backlog_s)


class KeptVoice:
    """A voice that keeps what it makes, and begins the first translations of a call with a tone."""

    def __init__(self, voice: Voice, taken: Taken) -> None:
        self._voice = voice
        self._taken = taken
        self.name = voice.name

    def speaks(self, language: str) -> bool:
        return self._voice.speaks(language)

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        tone = language not in self._taken.toned
        pieces: list[Pcm] = []
        try:
            async with aclosing(self._voice.synthesize(text, language, speed=speed, timbre=timbre)) as chunks:
                async for chunk in chunks:
                    pcm = np.concatenate([TONE, chunk.pcm]) if tone and len(chunk.pcm) else chunk.pcm
                    tone = tone and not len(chunk.pcm)
                    pieces.append(pcm)
                    yield SpeechChunk(pcm, chunk.last)
        finally:  # also where the rest was not wanted
            if sum(map(len, pieces)):
                self._taken.spoken.setdefault((text, language), []).append(np.concatenate(pieces))

    async def probe(self) -> None:
        await self._voice.probe()
