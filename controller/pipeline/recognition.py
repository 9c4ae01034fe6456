"""The recognition stage of a speaker: voice events in, transcripts out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from controller.engines.stt import RecogniserStream
from controller.errors import EngineError
from controller.messages import SpeechResumed, Transcript, VoiceEvent
from controller.pipeline.queues import BoundedQueue


class Recognition:
    """Feeds one stream and hands on what it gives. An utterance that the engine loses is told and left."""

    def __init__(
        self,
        asr: BoundedQueue[VoiceEvent],
        stream: RecogniserStream,
        on_transcript: Callable[[Transcript], None],
        on_resumed: Callable[[], None],
        on_failure: Callable[[EngineError], None],
    ) -> None:
        self._asr = asr
        self._stream = stream
        self._on_transcript = on_transcript
        self._on_resumed = on_resumed
        self._on_failure = on_failure

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._feed())
                tasks.create_task(self._receive())
        finally:
            await self._stream.aclose()

    async def _feed(self) -> None:
        while True:
            event = await self._asr.get()
            self._stream.push(event)
            if isinstance(event, SpeechResumed):
                self._on_resumed()

    async def _receive(self) -> None:
        while True:
            try:
                transcript = await self._stream.receive()
            except EngineError as error:
                self._on_failure(error)
            else:
                self._on_transcript(transcript)
