"""Deepgram: streams of people who all speak, hardly ever pausing, through the engine as the service has it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, Final

import numpy as np
import uvloop

from controller.engines.stt import RecogniserStream
from controller.engines.stt.deepgram import Deepgram
from controller.engines.stt.deepgram.connection import DeepgramTransport, SocketLink
from controller.engines.stt.deepgram.line import MESSAGE_FRAMES
from controller.engines.stt.deepgram.options import read
from controller.frames import FRAME_MS, FRAME_S, FRAME_SAMPLES, AudioFrame, Pcm
from controller.messages import Span, SpeechEnded, SpeechPaused, SpeechStarted, VoiceEvent
from controller.telemetry.metrics import Registry
from loadtest.engines.standin import standin
from loadtest.frames.report import Bound

STREAMS: Final = 50
MOST_PERCENT: Final = 25.0
SETTLE_S: Final = 3.0
WINDOW_S: Final = 8.0
WINDOWS: Final = 5

WORD_FRAMES, GAP_FRAMES, WORDS = 16, 2, 14
END_FRAMES: Final = 18
"""Fourteen words of 0.32 s, then 0.36 s of silence, and again."""

LATE_S: Final = 0.5
"""Behind its time by more than this, the machine was too slow for what is measured."""


class Counting(DeepgramTransport):
    """Counts what comes."""

    came = 0

    async def open(
        self, speaker: str, language: str, on_message: Callable[[object], None], on_closed: Callable[[str], None]
    ) -> SocketLink:
        def counted(message: object) -> None:
            self.came += 1
            on_message(message)

        return await super().open(speaker, language, counted, on_closed)


def measure() -> tuple[dict[str, Any], list[Bound]]:
    """The row, and what must hold of it."""
    with standin("tests.fakes.fake_deepgram") as url, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        row = runner.run(_run(url))
    cpu = row["cpu_percent_of_core"]
    told, least = row["finals"], row["utterances"] - STREAMS
    return row, [
        Bound(f"deepgram, {STREAMS} streams, % of a core", f"{cpu:.1f}", f"< {MOST_PERCENT:g}", cpu < MOST_PERCENT),
        Bound("deepgram, utterances that were told", str(told), f">= {least}", told >= least),
    ]


async def _run(url: str) -> dict[str, Any]:
    options = read({"host": url, "key": "bench"})
    transport = Counting(options)
    engine = Deepgram(options, transport, Registry())
    streams = [engine.open(f"s{number}", "en", time.monotonic) for number in range(STREAMS)]
    finals = [0]
    tasks = [asyncio.create_task(_receive(stream, finals)) for stream in streams]
    speakers = [_Speaker(stream, number) for number, stream in enumerate(streams)]
    pace = _Pace(speakers)
    await pace.speak(SETTLE_S)
    ended, told = sum(one.ended for one in speakers), finals[0]
    windows, came = [], transport.came
    for _ in range(WINDOWS):
        began, cpu = time.monotonic(), time.process_time()
        await pace.speak(WINDOW_S)
        windows.append(100 * (time.process_time() - cpu) / (time.monotonic() - began))
    came = transport.came - came
    row = {
        "engine": "deepgram",
        "streams": STREAMS,
        "message_ms": MESSAGE_FRAMES * FRAME_MS,
        "cpu_percent_of_core": round(median(windows), 2),
        "windows_percent": [round(one, 2) for one in windows],
        "messages_sent_per_s": round(STREAMS / (MESSAGE_FRAMES * FRAME_S)),
        "messages_received_per_s": round(came / (WINDOWS * WINDOW_S)),
        "utterances": sum(one.ended for one in speakers) - ended,
        "finals": finals[0] - told,
        "tls": False,
    }
    for task in tasks:
        task.cancel()
    await asyncio.gather(*(stream.aclose() for stream in streams))
    return row


class _Speaker:
    """Feeds one stream."""

    def __init__(self, stream: RecogniserStream, number: int) -> None:
        self._stream = stream
        self._events = _talk(number)
        self._wait = number * 5  # nobody begins with another
        self.ended = 0

    def frame(self) -> None:
        if self._wait:
            self._wait -= 1
            return
        for event in next(self._events):
            self.ended += isinstance(event, SpeechEnded)
            self._stream.push(event)


class _Pace:
    """Everybody's frames, every 20 ms: four groups, so that they do not come all at once."""

    GROUPS = 4

    def __init__(self, speakers: list[_Speaker]) -> None:
        self._groups = [speakers[number :: self.GROUPS] for number in range(self.GROUPS)]

    async def speak(self, seconds: float) -> None:
        step = FRAME_S / self.GROUPS
        began = time.monotonic()
        for tick in range(round(seconds / step)):
            for one in self._groups[tick % self.GROUPS]:
                one.frame()
            left = began + (tick + 1) * step - time.monotonic()
            if left < -LATE_S:
                raise RuntimeError(f"This machine is {-left:.1f} s behind: what is measured would not be true of it.")
            await asyncio.sleep(max(0.0, left))


def _talk(number: int) -> Iterator[list[VoiceEvent]]:
    """What a recogniser is fed for each frame."""
    noise = np.random.default_rng(number)
    silence: Pcm = np.zeros(FRAME_SAMPLES, np.int16)
    index = 0
    while True:
        start = index
        events: list[VoiceEvent] = [SpeechStarted(start)]
        for word in range(WORDS):
            # The stand-in understands the number in the middle of a frame; the rest may be anything.
            spoken = noise.integers(-2000, 2000, FRAME_SAMPLES).astype(np.int16)
            spoken[FRAME_SAMPLES // 2] = 1000 + word * 20
            for count in range(WORD_FRAMES + GAP_FRAMES):
                events.append(AudioFrame(spoken if count < WORD_FRAMES else silence, index))
                index += 1
                yield events
                events = []
        span = Span(start * FRAME_S, (index - GAP_FRAMES) * FRAME_S)
        for count in range(END_FRAMES):
            events = [AudioFrame(silence, index)]
            index += 1
            if count == END_FRAMES // 2:
                events.append(SpeechPaused(span))
            if count == END_FRAMES - 1:
                events.append(SpeechEnded(span, index * FRAME_S, pause=True))
            yield events


async def _receive(stream: RecogniserStream, finals: list[int]) -> None:
    while True:
        told = await stream.receive()
        finals[0] += told.speech_final
