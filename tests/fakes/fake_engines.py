"""Scripted engines: fixed delays, no models. For tests of everything around engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

import numpy as np

from controller.engines import Engines
from controller.engines.tts.timbre import Timbre
from controller.errors import EngineError, EngineUnavailable
from controller.frames import SAMPLE_RATE
from controller.messages import Span, SpeechChunk, SpeechEnded, SpeechPaused, SpeechResumed, Transcript, VoiceEvent


class FakeRecogniser:
    """Says `heard N` for each speaker's Nth utterance, or what the script holds, `delay_s` after its end.

    With `draft` it begins at the pause and tells what it will say, put through `draft`, if it is ready before the end.
    """

    name = "fake-stt"

    def __init__(
        self,
        delay_s: float = 0.2,
        script: Sequence[str | EngineError] = (),
        draft: Callable[[str], str] | None = None,
    ) -> None:
        self.delay_s = delay_s
        self.script = script
        self.draft = draft
        self.streams: list[FakeStream] = []

    def hears(self, language: str) -> bool:
        return language in ("en", "es", "fr")

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> FakeStream:
        self.streams.append(FakeStream(self, speaker))
        return self.streams[-1]

    async def probe(self) -> None:
        return None


class FakeStream:
    def __init__(self, engine: FakeRecogniser, speaker: str) -> None:
        self._engine = engine
        self._speaker = speaker
        self._ends: asyncio.Queue[tuple[SpeechEnded, asyncio.Task[None]]] = asyncio.Queue()
        self._results: asyncio.Queue[Transcript | EngineError] = asyncio.Queue()
        self._begun: asyncio.Task[None] | None = None
        self._count = 0
        self._finisher = asyncio.create_task(self._finish())
        self.events: list[VoiceEvent] = []
        self.closed = False

    def push(self, event: VoiceEvent) -> None:
        self.events.append(event)
        match event:
            case SpeechPaused() if self._engine.draft:
                self._begun = asyncio.create_task(self._hear(event.span))
            case SpeechResumed():
                self._give_up()
            case SpeechEnded():
                self._ends.put_nowait((event, self._begun or asyncio.create_task(self._hear(event.span))))
                self._begun = None

    async def receive(self) -> Transcript:
        result = await self._results.get()
        if isinstance(result, EngineError):
            raise result
        return result

    async def aclose(self) -> None:
        self.closed = True
        self._finisher.cancel()
        self._give_up()

    def _text(self) -> str | EngineError:
        script = self._engine.script
        return script[self._count] if self._count < len(script) else f"heard {self._count + 1}"

    async def _hear(self, span: Span) -> None:
        await asyncio.sleep(self._engine.delay_s)
        text = self._text()
        if self._begun is asyncio.current_task() and self._engine.draft and isinstance(text, str):
            draft = self._engine.draft(text)
            self._results.put_nowait(Transcript(self._speaker, draft, (), span, False, False, span.end_s, draft=True))

    async def _finish(self) -> None:
        while True:
            end, work = await self._ends.get()
            await work
            text = self._text()
            self._count += 1
            self._results.put_nowait(
                text
                if isinstance(text, EngineError)
                else Transcript(self._speaker, text, (), end.span, True, end.pause, end.decided_s)
            )

    def _give_up(self) -> None:
        if self._begun is not None:
            self._begun.cancel()
            self._begun = None


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
    """A tone of `seconds` (at speed 1.0) in chunks of 200 ms, the first after `delay_s`, each further after `gap_s`."""

    name = "fake-tts"

    def __init__(self, delay_s: float = 0.3, seconds: float = 1.0, gap_s: float = 0.0, level: int = 5000) -> None:
        self.delay_s = delay_s
        self.seconds = seconds
        self.gap_s = gap_s
        self.level = level
        self.fail_at_chunk: int | None = None
        self.closed = 0
        self.asked: list[tuple[str, float]] = []
        """Text and speed."""
        self.timbres: list[str] = []
        """Their keys, in the same order; empty where none was asked for."""

    def speaks(self, language: str) -> bool:
        return True

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        self.asked.append((text, speed))
        self.timbres.append(timbre.key if timbre else "")
        pcm = np.full(round(self.seconds / speed * SAMPLE_RATE), self.level, np.int16)
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
