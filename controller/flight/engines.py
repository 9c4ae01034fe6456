"""Engines that note what they are asked and what they answer; to the pipeline they are the engines themselves."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from itertools import count

from controller.engines import Engines
from controller.engines.mt import Translator
from controller.engines.stt import Recogniser, RecogniserStream
from controller.engines.tts import Voice
from controller.engines.tts.timbre import Timbre
from controller.flight.kinds import TRANSCRIPT, UTTERANCE, Kind, dump_error
from controller.messages import SpeechChunk, SpeechEnded, SpeechStarted, Transcript, VoiceEvent
from controller.telemetry.recorder import Recorder


def recorded(engines: Engines, recorder: Recorder) -> Engines:
    """The engines of one call, which is recorded."""
    numbers = count()
    return Engines(
        RecordedRecogniser(engines.stt, recorder, numbers),
        RecordedTranslator(engines.mt, recorder, numbers),
        RecordedVoice(engines.tts, recorder, numbers),
        engines.identifier and RecordedRecogniser(engines.identifier, recorder, numbers),
        engines.out,
    )


class RecordedRecogniser:
    """A recogniser whose streams note each utterance and each transcript."""

    def __init__(self, engine: Recogniser, recorder: Recorder, numbers: count[int]) -> None:
        self.name = engine.name
        self.hears = engine.hears
        self.probe = engine.probe
        self._engine = engine
        self._recorder = recorder
        self._numbers = numbers

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> RecogniserStream:
        number = next(self._numbers)
        self._recorder.put(Kind.OPENED, number, speaker, language)
        return _RecordedStream(self._engine.open(speaker, language, now), self._recorder, number)


class _RecordedStream:
    def __init__(self, stream: RecogniserStream, recorder: Recorder, number: int) -> None:
        self.aclose = stream.aclose
        self._stream = stream
        self._recorder = recorder
        self._number = number

    def push(self, event: VoiceEvent) -> None:
        if isinstance(event, SpeechStarted | SpeechEnded):
            self._recorder.put(Kind.HEARD, self._number, UTTERANCE.dump(event))
        self._stream.push(event)

    async def receive(self) -> Transcript:
        try:
            transcript = await self._stream.receive()
        except Exception as error:
            self._recorder.put(Kind.STREAM_FAILED, self._number, dump_error(error))
            raise
        self._recorder.put(Kind.TRANSCRIPT, self._number, TRANSCRIPT.dump(transcript))
        return transcript


class RecordedTranslator:
    """A translator that notes each text and its translation."""

    def __init__(self, engine: Translator, recorder: Recorder, numbers: count[int]) -> None:
        self.name = engine.name
        self.translates = engine.translates
        self.probe = engine.probe
        self._engine = engine
        self._recorder = recorder
        self._numbers = numbers

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        number = next(self._numbers)
        self._recorder.put(Kind.ASKED, number, "mt", text, source, target)
        try:
            translation = await self._engine.translate(text, source, target, context)
        except Exception as error:
            self._recorder.put(Kind.FAILED, number, dump_error(error))
            raise
        self._recorder.put(Kind.TEXT, number, translation)
        return translation


class RecordedVoice:
    """A voice that notes each text and its sound."""

    def __init__(self, engine: Voice, recorder: Recorder, numbers: count[int]) -> None:
        self.name = engine.name
        self.speaks = engine.speaks
        self.probe = engine.probe
        self._engine = engine
        self._recorder = recorder
        self._numbers = numbers

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        number = next(self._numbers)
        self._recorder.put(Kind.ASKED, number, "tts", text, language, speed)
        try:
            async with aclosing(self._engine.synthesize(text, language, speed=speed, timbre=timbre)) as chunks:
                async for chunk in chunks:
                    self._recorder.put(Kind.SOUND, number, chunk.last, pcm=chunk.pcm)
                    yield chunk
        except Exception as error:
            self._recorder.put(Kind.FAILED, number, dump_error(error))
            raise
