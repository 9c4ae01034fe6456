"""Engines of fixed delay on real speech: what remains of a lag is Dragoman's own and the path's.

The recogniser knows the prompts by heart, and finds in the frames that it is given which one is being said and since
when: its final comes a fixed time after the true end of the voice, whenever the service believes that it ended.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr

from controller.engines import Engines
from controller.engines.stt import RecogniserStream
from controller.engines.tts.timbre import Timbre
from controller.frames import FRAME_S, SAMPLE_RATE, AudioFrame, Pcm
from controller.messages import Span, SpeechChunk, SpeechStarted, Transcript, VoiceEvent
from controller.stack.wav import PHONE_RATE
from loadtest.call.plan import CallPlan
from loadtest.call.prompts import Prompt
from loadtest.call.signals import find
from loadtest.call.taken import KeptVoice, Taken

CLIP_S: Final = 0.8
HEARD_S: Final = 0.6
"""How much of an utterance is enough to know its prompt ..."""

WITHIN_S: Final = 3.0
"""... by its beginning."""

SURE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Delays:
    """How long each engine takes, in seconds."""

    stt: float = 0.2
    """After the true end of speech."""

    mt: float = 0.1
    tts: float = 0.3


def engines(taken: Taken, delays: Delays) -> Engines:
    """The three for one call."""
    return Engines(
        ScriptedRecogniser(taken.plan, delays.stt),
        ScriptedTranslator(delays.mt),
        KeptVoice(ScriptedVoice(delays.tts), taken),
    )


class ScriptedRecogniser:
    """It knows what each side will say."""

    name = "scripted"

    def __init__(self, plan: CallPlan, delay_s: float) -> None:
        self._plan = plan
        self._delay_s = delay_s

    def hears(self, language: str) -> bool:
        return True

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> RecogniserStream:
        prompts = [line.prompt for line in self._plan.tracks[speaker].lines]
        return ScriptedStream(speaker, prompts, self._delay_s, now)

    async def probe(self) -> None:
        """Always well."""


class ScriptedStream:
    """One speaker's prompts, each recognised once."""

    def __init__(self, speaker: str, prompts: Sequence[Prompt], delay_s: float, now: Callable[[], float]) -> None:
        self._speaker = speaker
        self._prompts = list(prompts)
        self._delay_s = delay_s
        self._now = now
        self._next = 0
        self._frames: list[Pcm] | None = None
        self._start_s = 0.0
        self._results: asyncio.Queue[Transcript] = asyncio.Queue()
        self._finals: set[asyncio.Task[None]] = set()

    def push(self, event: VoiceEvent) -> None:
        match event:
            case SpeechStarted():
                self._frames, self._start_s = [], event.index * FRAME_S
            case AudioFrame() if self._frames is not None:
                self._frames.append(event.pcm)
                if len(self._frames) * FRAME_S >= HEARD_S:
                    self._identify(np.concatenate(self._frames))
                    self._frames = None

    async def receive(self) -> Transcript:
        return await self._results.get()

    async def aclose(self) -> None:
        for task in self._finals:
            task.cancel()

    def _identify(self, frames: Pcm) -> None:
        """Which prompt begins here, if one does; an utterance in the middle of one has been dealt with."""
        if self._next >= len(self._prompts):
            return
        begun_s = place(frames, self._prompts[self._next])
        if begun_s is None:
            return
        prompt = self._prompts[self._next]
        span = Span(self._start_s + begun_s + prompt.start_s, self._start_s + begun_s + prompt.end_s)
        task = asyncio.create_task(self._finish(f"prompt {self._next}", span))
        self._finals.add(task)
        task.add_done_callback(self._finals.discard)
        self._next += 1

    async def _finish(self, text: str, span: Span) -> None:
        await asyncio.sleep(span.end_s + self._delay_s - self._now())
        self._results.put_nowait(
            Transcript(
                speaker=self._speaker,
                text=text,
                words=(),
                span=span,
                final=True,
                speech_final=True,
                decided_s=span.end_s,
            )
        )


def place(frames: Pcm, prompt: Prompt) -> float | None:
    """When `prompt` began, in seconds from the first of an utterance's first frames (at the controller's rate, below
    zero as a rule); None where they are none of its beginning."""
    narrow = soxr.resample(frames, SAMPLE_RATE, PHONE_RATE, quality="HQ")
    # A recording may begin within what the utterance holds from before its first voiced frame.
    lead = np.zeros(len(narrow), np.int16)
    beginning = np.concatenate([lead, prompt.pcm[: round(WITHIN_S * PHONE_RATE)]])
    found = find(narrow, beginning, good=SURE)
    return None if found is None else (len(lead) - found.position) / PHONE_RATE


class ScriptedTranslator:
    """It leaves the text as it is."""

    name = "scripted"

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s

    def translates(self, source: str, target: str) -> bool:
        return True

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        await asyncio.sleep(self._delay_s)
        return f"{text} {target}"

    async def probe(self) -> None:
        """Always well."""


class ScriptedVoice:
    """It speaks noise, another for each text, so that it is found beyond doubt."""

    name = "scripted"

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s

    def speaks(self, language: str) -> bool:
        return True

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        await asyncio.sleep(self._delay_s)
        yield SpeechChunk(clip(text), last=True)

    async def probe(self) -> None:
        """Always well."""


def clip(text: str) -> Pcm:
    """Noise of the telephone's band for a text, int16[n] at the controller's rate."""
    random = np.random.default_rng(zlib.crc32(text.encode()))
    noise = random.normal(0.0, 4000.0, round(CLIP_S * PHONE_RATE))
    wide = soxr.resample(noise, PHONE_RATE, SAMPLE_RATE, quality="HQ")
    pcm: Pcm = np.clip(np.rint(wide), -32768, 32767).astype(np.int16)
    return pcm
