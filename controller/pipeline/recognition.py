"""The recognition stage of a speaker: voice events in, transcripts out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from controller.engines.stt import RecogniserStream
from controller.errors import EngineError
from controller.messages import SpeechResumed, SpeechStarted, Transcript, VoiceEvent
from controller.pipeline.queues import BoundedQueue

log = logging.getLogger(__name__)


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
        self._begun = False
        """Since its first utterance. One that was under way when the stage was started again has lost its beginning:
        its rest is nobody's."""
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Until cancelled, or until the stream fails."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive())
                await self._fault
        finally:
            await self._stream.aclose()

    def feed(self) -> None:
        """Give the stream what waits for it. Called as frames come: a task for it would cost each of them a wake-up."""
        try:
            while not self._fault.done() and (event := self._asr.get_nowait()) is not None:
                if not self._begun:
                    self._begun = isinstance(event, SpeechStarted)
                    if not self._begun:
                        continue
                self._stream.push(event)
                if isinstance(event, SpeechResumed):
                    self._on_resumed()
        except Exception as error:  # the boundary between the tick, which must go on, and one speaker's stages
            log.exception("a recogniser's stream did not take what was said")
            self._fault.set_exception(error)

    async def _receive(self) -> None:
        while True:
            try:
                transcript = await self._stream.receive()
            except EngineError as error:
                self._on_failure(error)
            else:
                self._on_transcript(transcript)
