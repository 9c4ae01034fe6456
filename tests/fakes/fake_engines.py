"""Scripted engines: fixed delays, no models. For tests of everything around engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

import numpy as np

from controller.engines import Engines
from controller.errors import EngineError, EngineUnavailable
from controller.frames import SAMPLE_RATE
from controller.messages import SpeechChunk, SpeechEnded, Transcript, VoiceEvent


class FakeRecogniser:
    """Says `heard N` for each speaker's Nth utterance, or what the script holds, `delay_s` after its end."""

    name = "fake-stt"

    def __init__(self, delay_s: float = 0.2, script: Sequence[str | EngineError] = ()) -> None:
        self.delay_s = delay_s
        self.script = script
        self.streams: list[FakeStream] = []

    def hears(self, language: str) -> bool:
        return language in ("en", "es", "fr")

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> FakeStream:
        self.streams.append(FakeStream(self, speaker, now))
        return self.streams[-1]

    async def probe(self) -> None:
        return None


class FakeStream:
    def __init__(self, engine: FakeRecogniser, speaker: str, now: Callable[[], float]) -> None:
        self._engine = engine
        self._speaker = speaker
        self._now = now
        self._ends: asyncio.Queue[SpeechEnded] = asyncio.Queue()
        self._count = 0
        self.events: list[VoiceEvent] = []
        self.closed = False

    def push(self, event: VoiceEvent) -> None:
        self.events.append(event)
        if isinstance(event, SpeechEnded):
            self._ends.put_nowait(event)

    async def receive(self) -> Transcript:
        end = await self._ends.get()
        asked = self._now()
        await asyncio.sleep(self._engine.delay_s)
        self._count += 1
        script = self._engine.script
        text = script[self._count - 1] if self._count <= len(script) else f"heard {self._count}"
        if isinstance(text, EngineError):
            raise text
        return Transcript(self._speaker, text, (), end.span, True, end.pause, end.decided_s, asked)

    async def aclose(self) -> None:
        self.closed = True


class FakeTranslator:
    """Puts the target language in front of the text, `delay_s` later. `failing` makes it refuse."""

    name = "fake-mt"

    def __init__(self, delay_s: float = 0.1) -> None:
        self.delay_s = delay_s
        self.failing = False
        self.contexts: list[tuple[str, ...]] = []

    def translates(self, source: str, target: str) -> bool:
        return source != target

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        self.contexts.append(tuple(context))
        await asyncio.sleep(self.delay_s)
        if self.failing:
            raise EngineUnavailable("The fake translator is told to fail.", engine=self.name)
        return f"{target}: {text}"

    async def probe(self) -> None:
        return None


class FakeVoice:
    """A tone of `seconds`, in chunks of 200 ms, the first after `delay_s`, each further one after `gap_s`."""

    name = "fake-tts"

    def __init__(self, delay_s: float = 0.3, seconds: float = 1.0, gap_s: float = 0.0, level: int = 5000) -> None:
        self.delay_s = delay_s
        self.seconds = seconds
        self.gap_s = gap_s
        self.level = level
        self.fail_at_chunk: int | None = None
        self.closed = 0

    def speaks(self, language: str) -> bool:
        return True

    async def synthesize(self, text: str, language: str, *, speed: float = 1.0) -> AsyncGenerator[SpeechChunk, None]:
        pcm = np.full(round(self.seconds * SAMPLE_RATE), self.level, np.int16)
        step = SAMPLE_RATE // 5
        try:
            await asyncio.sleep(self.delay_s)
            for number, start in enumerate(range(0, len(pcm), step)):
                if number == self.fail_at_chunk:
                    raise EngineUnavailable("The fake voice is told to fail.", engine=self.name)
                yield SpeechChunk(pcm[start : start + step], last=start + step >= len(pcm))
                await asyncio.sleep(self.gap_s)
        finally:
            self.closed += 1

    async def probe(self) -> None:
        return None


def fake_engines() -> Engines:
    """Three fakes with the target delays: 200, 100 and 300 ms."""
    return Engines(FakeRecogniser(), FakeTranslator(), FakeVoice())
