"""Chains of fake engines on the running loop's clock, and a recogniser that really hears what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from controller.engines.fallback import Member, Terms
from controller.engines.fallback.mt import FallbackTranslator
from controller.engines.fallback.stt import FallbackRecogniser
from controller.engines.fallback.tts import FallbackVoice, voice_of
from controller.errors import EngineBarred, EngineError, EngineRejected, EngineUnavailable
from controller.frames import FRAME_S, FRAME_SAMPLES, AudioFrame, Pcm
from controller.messages import Span, SpeechEnded, SpeechStarted, Transcript, VoiceEvent
from controller.recovery.breaker import Breaker, Limits, State, Watch

LAST = Limits(open_s=0.0)


class SeenWatch(Watch):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], State] = {}
        self.done: list[str] = []
        self.switches: list[tuple[str, str, str]] = []

    def changed(self, engine: str, kind: str, state: State, why: str) -> None:
        self.states[engine, kind] = state

    def worked(self, engine: str, kind: str) -> None:
        self.done.append(engine)

    def switched(self, kind: str, error: EngineError, to: str) -> None:
        self.switches.append((kind, type(error).__name__, to))


def _parts(
    kind: str, engines: Sequence[Any], watch: Watch, limits: Limits, patience_s: float, deadline_s: float
) -> tuple[str, list[Member[Any]], Terms]:
    now = asyncio.get_running_loop().time
    members = [
        Member(one, Breaker(one.name, kind, LAST if one is engines[-1] else limits, now, watch)) for one in engines
    ]
    return kind, members, Terms(patience_s, deadline_s, now, watch)


def recogniser(*engines: Any, watch: Watch | None = None, limits: Limits | None = None) -> FallbackRecogniser:
    limits = limits or Limits(slow_s=1.0)
    return FallbackRecogniser(*_parts("stt", engines, watch or Watch(), limits, 1.5, 5.0))


def translator(*engines: Any, watch: Watch | None = None, limits: Limits | None = None) -> FallbackTranslator:
    limits = limits or Limits(slow_s=0.5)
    return FallbackTranslator(*_parts("mt", engines, watch or Watch(), limits, 1.0, 2.0))


def voice(*engines: Any, watch: Watch | None = None, limits: Limits | None = None) -> FallbackVoice:
    limits = limits or Limits(slow_s=1.5)
    return voice_of(*_parts("tts", engines, watch or Watch(), limits, 2.0, 4.0))


def word_frame(word: int) -> Pcm:
    """A frame of the word number `word` (from 1), int16[320]."""
    return np.full(FRAME_SAMPLES, 100 + word, np.int16)


class HearingRecogniser:
    """Hears the words of `word_frame`, and tells them `delay_s` after the end; with `commits`, each of them as soon as
    the next one begins. Moods: fine, fails, barred, rejects, frozen, slow."""

    def __init__(self, name: str = "hearing", delay_s: float = 0.2, *, commits: bool = False) -> None:
        self.name = name
        self.delay_s = delay_s
        self.commits = commits
        self.mood = "fine"
        self.streams: list[HearingStream] = []

    def hears(self, language: str) -> bool:
        return language == "en"

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> HearingStream:
        self.streams.append(HearingStream(self, speaker, now))
        return self.streams[-1]

    async def probe(self) -> None:
        return None


class HearingStream:
    def __init__(self, engine: HearingRecogniser, speaker: str, now: Callable[[], float]) -> None:
        self.closed = False
        self._engine = engine
        self._speaker = speaker
        self._now = now
        self._start = 0
        self._frames: dict[int, int] = {}
        """The word of each voiced frame since the start, by index."""
        self._ends: asyncio.Queue[tuple[float, int, dict[int, int], SpeechEnded] | Transcript] = asyncio.Queue()
        self._results: asyncio.Queue[Transcript | EngineError] = asyncio.Queue()
        self._finisher = asyncio.create_task(self._finish())

    def push(self, event: VoiceEvent) -> None:
        assert not self.closed
        match event:
            case SpeechStarted():
                self._start, self._frames = max(event.index, self._start), {}
            case AudioFrame() if event.index >= self._start and event.pcm.any():
                self._frames[event.index] = int(event.pcm[0]) - 100
                if self._engine.commits and self._engine.mood == "fine":
                    self._commit()
            case SpeechEnded():
                self._ends.put_nowait((self._now(), self._start, self._frames, event))
                self._start, self._frames = max(self._start, round(event.span.end_s / FRAME_S)), {}

    async def receive(self) -> Transcript:
        result = await self._results.get()
        if isinstance(result, EngineError):
            raise result
        return result

    async def aclose(self) -> None:
        self.closed = True
        self._finisher.cancel()

    def _commit(self) -> None:
        indexes = sorted(self._frames)
        cut = next((b for a, b in pairwise(indexes) if self._frames[a] != self._frames[b]), None)
        if cut is not None:
            heard = {index: word for index, word in self._frames.items() if index < cut}
            self._ends.put_nowait(self._told(heard, Span(self._start * FRAME_S, cut * FRAME_S), None))
            self._frames = {index: word for index, word in self._frames.items() if index >= cut}
            self._start = cut

    async def _finish(self) -> None:
        while True:
            due = await self._ends.get()
            if isinstance(due, Transcript):
                self._results.put_nowait(due)
                continue
            at, start, frames, end = due
            await asyncio.sleep(max(0.0, at + self._engine.delay_s - self._now()))
            match self._engine.mood:
                case "fails":
                    self._results.put_nowait(EngineUnavailable("told to fail", engine=self._engine.name))
                    continue
                case "barred":
                    self._results.put_nowait(EngineBarred("told to bar", engine=self._engine.name))
                    continue
                case "rejects":
                    self._results.put_nowait(EngineRejected("told to reject", engine=self._engine.name))
                    continue
                case "frozen":
                    await asyncio.get_running_loop().create_future()
                case "slow":
                    await asyncio.sleep(1.2)
            span = Span(start * FRAME_S, max(start * FRAME_S, end.span.end_s))
            self._results.put_nowait(self._told(frames, span, end))

    def _told(self, frames: dict[int, int], span: Span, end: SpeechEnded | None) -> Transcript:
        text = " ".join(str(word) for word in dict.fromkeys(frames[index] for index in sorted(frames)))
        pause, decided_s = (end.pause, end.decided_s) if end else (False, self._now())
        return Transcript(self._speaker, text, (), span, True, pause, decided_s)
