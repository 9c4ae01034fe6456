"""A call on the virtual clock: a conversation with its ticker, fake engines, fake phones and the law at its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from controller.audio.mix import Ducker
from controller.audio.vad import Endpointer
from controller.engines import Engines
from controller.flight.recording import FlightRecording, Recording
from controller.observer import Observers
from controller.pipeline.conversation import Conversation, SpeechSettings, Tap
from controller.pipeline.own_voice import OwnVoice
from controller.telemetry.recorder import Recorder
from controller.ticker import Ticker
from controller.virtual_time import run
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator, FakeVoice
from tests.fakes.fake_observer import RecordingObserver
from tests.fakes.fake_phone import FakePhone, LoudDetector

SPEECH = SpeechSettings(lambda: Endpointer(LoudDetector(), endpoint_ms=300), Ducker)


class Bench:
    """A conversation with its ticker, fakes and observer."""

    def __init__(
        self,
        engines: Engines,
        tap: Tap | None = None,
        controls: bool = True,
        recorder: Recorder | None = None,
        speech: SpeechSettings = SPEECH,
    ) -> None:
        self.ticker = Ticker()
        self.seen = RecordingObserver()
        started = datetime(2026, 1, 2, tzinfo=UTC)
        self.recording = FlightRecording(recorder, "call", started, engines, None) if recorder else Recording()
        self.conversation = Conversation(
            "call",
            self.recording.engines(engines),
            replace(speech, controls=controls),
            self.recording.ticker(self.ticker),
            Observers([self.seen, self.recording]),
            tap,
        )
        self.recording.began(self.conversation)

    def phone(
        self, name: str, language: str, *speech: tuple[float, float], own_voice: OwnVoice | None = None
    ) -> FakePhone:
        return FakePhone(self.conversation, name, language, speech, recording=self.recording, own_voice=own_voice)


@asynccontextmanager
async def bench(
    stt: FakeRecogniser | None = None,
    mt: FakeTranslator | None = None,
    tts: FakeVoice | None = None,
    tap: Tap | None = None,
    controls: bool = True,
    recorder: Recorder | None = None,
    speech: SpeechSettings = SPEECH,
) -> AsyncIterator[Bench]:
    engines = Engines(stt or FakeRecogniser(), mt or FakeTranslator(), tts or FakeVoice())
    one = Bench(engines, tap, controls, recorder, speech)
    ticking = asyncio.create_task(one.ticker.run())
    try:
        yield one
    finally:
        balance = await one.conversation.close()
        ticking.cancel()
        assert balance.open == 0
        assert len(one.seen.deliveries) == balance.opened
        assert len({(d.clause.id, d.listener) for d in one.seen.deliveries}) == balance.opened


def virtual(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def wrapped() -> None:
        run(test())  # type: ignore[arg-type]

    wrapped.__name__ = test.__name__
    return wrapped
