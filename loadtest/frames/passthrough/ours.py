"""Our side: whole conversations, with engines that pass on and a detector that is told what to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

import numpy as np

from controller.audio.mix import Ducker
from controller.audio.vad import Endpointer
from controller.engines import Engines
from controller.engines.tts.timbre import Timbre
from controller.frames import FRAME_SAMPLES, AudioFrame, Pcm
from controller.messages import SpeechChunk, SpeechEnded, Transcript, VoiceEvent
from controller.observer import Observer
from controller.pipeline.conversation import Conversation, SpeechSettings
from controller.pipeline.leg import Leg
from controller.ticker import Ticker
from loadtest.frames.passthrough.traffic import TRANSCRIPT, TTS_FRAMES, UTTERANCE_FRAMES, Tally, main, measure

SPEECH_FRAMES = 70
"""Voiced frames of every UTTERANCE_FRAMES: the pause behind them ends an utterance each two seconds."""


class ToldDetector:
    """Says what the script says."""

    def voiced(self, frame: AudioFrame) -> bool:
        return frame.index % UTTERANCE_FRAMES < SPEECH_FRAMES


class PassingRecogniser:
    """A transcript for each utterance, at once."""

    name = "passing-stt"

    def hears(self, language: str) -> bool:
        return True

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> PassingStream:
        return PassingStream(speaker, now)

    async def probe(self) -> None:
        return None


class PassingStream:
    """One speaker's."""

    def __init__(self, speaker: str, now: Callable[[], float]) -> None:
        self._speaker = speaker
        self._now = now
        self._ends: asyncio.Queue[SpeechEnded] = asyncio.Queue()

    def push(self, event: VoiceEvent) -> None:
        if isinstance(event, SpeechEnded):
            self._ends.put_nowait(event)

    async def receive(self) -> Transcript:
        end = await self._ends.get()
        return Transcript(
            self._speaker,
            TRANSCRIPT,
            (),
            end.span,
            final=True,
            speech_final=end.pause,
            decided_s=end.decided_s,
        )

    async def aclose(self) -> None:
        return None


class PassingTranslator:
    """The text as it is, at once."""

    name = "passing-mt"

    def translates(self, source: str, target: str) -> bool:
        return True

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        return text

    async def probe(self) -> None:
        return None


class PassingVoice:
    """TTS_FRAMES frames at once, one a chunk, as pipecat's side has it."""

    name = "passing-tts"

    def __init__(self) -> None:
        self._chunks = [
            SpeechChunk(np.ones(FRAME_SAMPLES, np.int16), last=number == TTS_FRAMES - 1) for number in range(TTS_FRAMES)
        ]

    def speaks(self, language: str) -> bool:
        return True

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        for chunk in self._chunks:
            yield chunk

    async def probe(self) -> None:
        return None


class Sink:
    """Where a listener's sound ends; its marks come back with the next frame."""

    def __init__(self, tally: Tally) -> None:
        self.leg: Leg | None = None
        self._tally = tally
        self._marks: list[str] = []

    def send(self, pcm: Pcm) -> bool:
        marks, self._marks = self._marks, []
        for name in marks:
            assert self.leg is not None
            self.leg.reached(name)
        self._tally.frames_out += 1
        self._tally.speech_out += self.leg is not None and self.leg.playback.sounding
        return True

    def mark(self, name: str) -> bool:
        self._marks.append(name)
        return True


async def run(name: str, legs: int, seconds: float) -> None:
    """`legs` / 2 calls of two."""
    tally, ticker = Tally(), Ticker()
    engines = Engines(PassingRecogniser(), PassingTranslator(), PassingVoice())
    speech = SpeechSettings(lambda: Endpointer(ToldDetector()), Ducker)
    ticking = asyncio.create_task(ticker.run())
    conversations, all_legs = [], []
    for number in range(legs // 2):
        conversation = Conversation(f"call-{number}", engines, speech, ticker, Observer())
        conversations.append(conversation)
        for leg_name, language in (("a", "en"), ("b", "es")):
            sink = Sink(tally)
            sink.leg = conversation.join(leg_name, language, sink)
            all_legs.append(sink.leg)
    frame = np.ones(FRAME_SAMPLES, np.int16)
    await measure(name, legs, seconds, lambda leg: all_legs[leg].push(frame), tally)
    for conversation in conversations:
        await conversation.close()
    ticking.cancel()


if __name__ == "__main__":
    main(run)
