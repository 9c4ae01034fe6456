"""A scripted speaker in front of Deepgram's stream, on whatever clock the loop has: what was said and told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from controller.audio.vad import Endpointer
from controller.engines.stt import RecogniserStream
from controller.engines.stt.deepgram import Deepgram
from controller.engines.stt.deepgram.options import Options, read
from controller.engines.stt.deepgram.transport import Transport
from controller.errors import EngineError
from controller.frames import FRAME_S
from controller.messages import SpeechEnded, Transcript, VoiceEvent
from controller.telemetry.metrics import Registry
from tests.fakes.fake_deepgram import CodedEars, Dialogue, FakeDeepgram, MemoryTransport
from tests.fakes.fake_deepgram.dialogue import CodeDetector


class Rig:
    """One speaker, one stream."""

    def __init__(self, engine: Deepgram, dialogue: Dialogue, metrics: Registry, language: str = "en") -> None:
        self.engine = engine
        self.dialogue = dialogue
        self.told: list[Transcript] = []
        """All, partials too."""
        self.errors: list[EngineError] = []
        self.ends: list[SpeechEnded] = []
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self.stream: RecogniserStream = engine.open("a", language, self.now)
        self._endpointer = Endpointer(CodeDetector())
        self._receiver = asyncio.create_task(self._receive())

    def now(self) -> float:
        return self._loop.time() - self._began_s

    @property
    def finals(self) -> list[Transcript]:
        return [one for one in self.told if one.final]

    @property
    def words(self) -> list[str]:
        """Those told for good, in order."""
        return " ".join(one.text for one in self.finals).split()

    @property
    def reconnects(self) -> float:
        found = next(one for one in self._metrics.snapshot() if one["name"] == "dragoman_deepgram_reconnects_total")
        return float(found["samples"][0][1])

    async def speak(self, at_frame: Callable[[int], Awaitable[None]] | None = None) -> None:
        """All of the dialogue, a frame each 20 ms; then time for the last answers."""
        began_s = self._loop.time()
        for index in self.dialogue:
            if at_frame is not None:
                await at_frame(index)
            for event in self.dialogue.events(self._endpointer, self.now(), index):
                self.push(event)
            await asyncio.sleep(max(0.0, began_s + (index + 1) * FRAME_S - self._loop.time()))
        await asyncio.sleep(6.0)

    def push(self, event: VoiceEvent) -> None:
        if isinstance(event, SpeechEnded):
            self.ends.append(event)
        self.stream.push(event)

    async def close(self) -> None:
        self._receiver.cancel()
        await self.stream.aclose()

    async def _receive(self) -> None:
        while True:
            try:
                self.told.append(await self.stream.receive())
            except EngineError as error:
                self.errors.append(error)


def options(**given: object) -> Options:
    """With a key."""
    return read({"key": "k", **given})


@asynccontextmanager
async def rig(
    service: FakeDeepgram, dialogue: Dialogue, transport: Transport | None = None, language: str = "en", **given: object
) -> AsyncIterator[Rig]:
    """In memory, unless there is another transport."""
    chosen, metrics = options(**given), Registry()
    engine = Deepgram(chosen, transport or MemoryTransport(service, chosen), metrics)
    one = Rig(engine, dialogue, metrics, language)
    try:
        yield one
    finally:
        await one.close()


def scripted(seconds: float, seed: int = 1) -> tuple[FakeDeepgram, Dialogue]:
    """A dialogue, and a service that understands it."""
    dialogue = Dialogue(seconds, seed)
    return FakeDeepgram(CodedEars(dialogue.words)), dialogue
