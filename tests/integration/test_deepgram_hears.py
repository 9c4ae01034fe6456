"""Deepgram's stream with ears that really hear: the stand-in asks the offline recogniser, and loses its connection."""

from __future__ import annotations

import asyncio

import numpy as np

from controller.audio.vad import Endpointer, WebRtcDetector
from controller.engines.stt.deepgram import Deepgram
from controller.frames import FRAME_S, FRAME_SAMPLES, SILENCE, AudioFrame
from controller.messages import SpeechEnded, Transcript
from controller.stack.triton import TritonServer
from controller.telemetry.metrics import Registry
from controller.triton.client import TritonClient
from tests.fakes.deepgram_rig import options
from tests.fakes.fake_deepgram import FakeDeepgram, Fault, MemoryTransport, WhisperEars
from tests.integration.asking import ask, prompts, word_errors

NAMES = ("conf-invalid", "vm-goodbye", "conf-onlyone")
MOST = 0.25
"""Of the words wrong; the recogniser alone has at most 0.15 of these wrong in quiet."""


def test_what_was_said_is_heard_through_a_lost_connection(triton: TritonServer) -> None:
    said = prompts("en", list(NAMES))

    async def main(client: TritonClient) -> list[str]:
        service = FakeDeepgram(WhisperEars(client, "en"))
        chosen = options(deadline_s=30.0)
        loop = asyncio.get_running_loop()
        stream = Deepgram(chosen, MemoryTransport(service, chosen), Registry()).open("a", "en", loop.time)
        told: list[Transcript] = []

        async def receive() -> None:
            while True:
                told.append(await stream.receive())

        receiving = asyncio.create_task(receive())
        endpointer, index, began_s = Endpointer(WebRtcDetector()), 0, loop.time()
        ends: set[float] = set()
        for number, one in enumerate(said):
            count = len(one.pcm) // FRAME_SAMPLES
            spoken = np.split(one.pcm[: count * FRAME_SAMPLES], count)
            for at, pcm in enumerate([*spoken, *[SILENCE] * 60]):
                if number == 1 and at == count // 2:
                    await service.strike(Fault.RESET)
                for event in endpointer.feed(AudioFrame(pcm, index), loop.time()):
                    stream.push(event)
                    if isinstance(event, SpeechEnded):
                        ends.add(event.decided_s)
                index += 1
                await asyncio.sleep(max(0.0, began_s + index * FRAME_S - loop.time()))
        async with asyncio.timeout(40.0):
            while not ends <= {one.decided_s for one in told if one.final}:
                await asyncio.sleep(0.1)
        receiving.cancel()
        await stream.aclose()
        return [one.text for one in told if one.final]

    heard = ask(triton, main)
    wrong, words = word_errors(" ".join(one.text for one in said), " ".join(heard))
    assert wrong / words <= MOST, heard
