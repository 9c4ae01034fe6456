"""A recogniser made of two: one that also says which language it heard, until that is settled, then the call's own.

The caller sees one stream. Knows transcripts; knows no number, no directory and no call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from controller.engines.stt import Recogniser, RecogniserStream
from controller.errors import EngineError
from controller.messages import SpeechStarted, Transcript, VoiceEvent

log = logging.getLogger(__name__)

SURE = 0.98
"""Probability, among the candidates, at which one utterance settles it. Of 519 recorded prompts, English and Spanish
at telephone quality, 9 were taken for the other language: 4 of the 474 above 0.9, one of the 390 or so above 0.98."""

LIKELY = 0.6
"""At which two utterances in a row that agree do."""


class Settling:
    """When a language counts as known."""

    def __init__(self) -> None:
        self._before: str | None = None

    def feed(self, language: str, probability: float) -> bool:
        """Take one utterance's identification; True where it settles the matter."""
        agrees = self._before == language
        self._before = language if probability >= LIKELY else None
        return probability >= SURE or (agrees and probability >= LIKELY)


class IdentifyingStream:
    """One speaker whose language is not known yet."""

    def __init__(
        self,
        speaker: str,
        candidates: tuple[str, ...],
        now: Callable[[], float],
        *,
        identifier: Recogniser,
        then: Recogniser,
        on_settled: Callable[[str], None],
    ) -> None:
        """
        Args:
            candidates: ISO 639-1 codes; `identifier` is asked for them joined by commas.
            then: takes over at the first utterance that begins after the language is settled.
            on_settled: called once, with the language.
        """
        self._speaker = speaker
        self._now = now
        self._then = then
        self._on_settled = on_settled
        self._settling = Settling()
        self._settled: str | None = None
        self._results: asyncio.Queue[Transcript | Exception] = asyncio.Queue()
        self._streams: list[RecogniserStream] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._open(identifier, ",".join(candidates))

    def push(self, event: VoiceEvent) -> None:
        if isinstance(event, SpeechStarted) and self._settled is not None and len(self._streams) == 1:
            self._open(self._then, self._settled)
        self._streams[-1].push(event)

    async def receive(self) -> Transcript:
        result = await self._results.get()
        if isinstance(result, Exception):
            raise result
        return result

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        for stream in self._streams:
            await stream.aclose()

    def _open(self, engine: Recogniser, language: str) -> None:
        stream = engine.open(self._speaker, language, self._now)
        self._streams.append(stream)
        self._tasks.append(asyncio.create_task(self._pass_on(stream), name=f"identifying-{self._speaker}"))

    async def _pass_on(self, stream: RecogniserStream) -> None:
        while True:
            try:
                transcript = await stream.receive()
                self._settle(transcript)
                self._results.put_nowait(transcript)
            except EngineError as error:
                self._results.put_nowait(error)
            except Exception as error:  # a fault, and so the end of the stream: whoever receives is to know
                log.exception("the stream of a recogniser failed")
                self._results.put_nowait(error)
                return

    def _settle(self, transcript: Transcript) -> None:
        if self._settled is not None or not transcript.final or not transcript.text or transcript.language is None:
            return
        if self._settling.feed(transcript.language, transcript.language_probability):
            self._settled = transcript.language
            self._on_settled(transcript.language)
