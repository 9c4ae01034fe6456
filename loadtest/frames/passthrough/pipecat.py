"""Pipecat's side: five processors that pass on what they get, between an input and a sink where the transport's two
would be. Runs in pipecat's environment (`make reference-env`).

`pipecat-default` is a PipelineWorker as it comes; `pipecat-lean` has its observers off: no RTVI, no turn tracking, no
watch for idleness.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from loguru import logger
from pipecat.frames.frames import InputAudioRawFrame, TextFrame, TranscriptionFrame, TTSAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from loadtest.frames.passthrough.traffic import (
    FRAME_BYTES,
    TRANSCRIPT,
    TTS_FRAMES,
    UTTERANCE_FRAMES,
    Tally,
    main,
    measure,
)

LEAN: dict[str, Any] = {"enable_rtvi": False, "enable_turn_tracking": False, "idle_timeout_secs": None}
PCM = bytes(FRAME_BYTES)


class Passing(FrameProcessor):  # type: ignore[misc]
    """Hands on: the input, the detector and the playback are no more than this."""

    async def process_frame(self, frame: Any, direction: Any) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


class Recogniser(FrameProcessor):  # type: ignore[misc]
    """A transcript after every UTTERANCE_FRAMES frames."""

    def __init__(self) -> None:
        super().__init__()
        self._heard = 0

    async def process_frame(self, frame: Any, direction: Any) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self._heard += 1
            if self._heard % UTTERANCE_FRAMES == 0:
                await self.push_frame(TranscriptionFrame(TRANSCRIPT, "speaker", "now"), direction)


class Translator(FrameProcessor):  # type: ignore[misc]
    """A text in place of a transcript."""

    async def process_frame(self, frame: Any, direction: Any) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(TextFrame(frame.text) if isinstance(frame, TranscriptionFrame) else frame, direction)


class Voice(FrameProcessor):  # type: ignore[misc]
    """TTS_FRAMES frames of speech in place of a text."""

    async def process_frame(self, frame: Any, direction: Any) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, TextFrame):
            await self.push_frame(frame, direction)
            return
        for _ in range(TTS_FRAMES):
            await self.push_frame(TTSAudioRawFrame(PCM, 16000, 1), direction)


class Sink(Passing):
    """The last one: counts, and hands on to the pipeline's own end."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    async def process_frame(self, frame: Any, direction: Any) -> None:
        self._tally.frames_out += isinstance(frame, InputAudioRawFrame)
        self._tally.speech_out += isinstance(frame, TTSAudioRawFrame)
        await super().process_frame(frame, direction)


async def run(name: str, legs: int, seconds: float) -> None:
    """A pipeline for each leg."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    tally, runner = Tally(), WorkerRunner(handle_sigint=False)
    first = [Passing() for _ in range(legs)]
    pipelines = [
        Pipeline([one, Passing(), Recogniser(), Translator(), Voice(), Passing(), Sink(tally)]) for one in first
    ]
    await runner.add_workers(
        *(PipelineWorker(pipeline, **(LEAN if name == "pipecat-lean" else {})) for pipeline in pipelines)
    )
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(2)

    async def push(leg: int) -> None:
        # Straight to the input: no queue of the worker's is counted.
        await first[leg].queue_frame(InputAudioRawFrame(PCM, 16000, 1), FrameDirection.DOWNSTREAM)

    await measure(name, legs, seconds, push, tally)
    running.cancel()
    sys.stdout.flush()
    os._exit(0)  # taking fifty pipelines down takes longer than measuring them, and nothing of theirs is kept


if __name__ == "__main__":
    main(run)
