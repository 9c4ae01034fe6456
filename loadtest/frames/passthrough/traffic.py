"""The traffic of both sides, and the measuring of it.

A leg gets a frame every 20 ms; of every 100 frames (2 s) its pipeline makes one transcript, one text of it, and
TTS_FRAMES frames of speech.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

import uvloop

from loadtest.frames.cores import OURS, pin

FRAME_S: Final = 0.02
FRAME_BYTES: Final = 640
UTTERANCE_FRAMES: Final = 100
TTS_FRAMES: Final = 75
SLOTS: Final = 4
"""Phases that the legs are spread over, as those of our ticker: the driver itself must cost next to nothing."""

WARM_S: Final = 3.0
TRANSCRIPT: Final = "what the speaker said in two seconds"


@dataclass
class Tally:
    """What came through, all legs together."""

    frames_in: int = 0
    """Frames pushed in."""
    frames_out: int = 0
    """Frames that reached the end: input frames, or what a listener is sent in their place."""
    speech_out: int = 0
    """Frames of speech among what reached the end."""


Push = Callable[[int], Coroutine[Any, Any, None] | None]
"""Give leg number n its next frame."""


async def drive(legs: int, push: Push, tally: Tally) -> None:
    """Frames for all legs until cancelled, none left out however late."""
    slots = [[leg for leg in range(legs) if leg % SLOTS == slot] for slot in range(SLOTS)]
    start, count = time.monotonic(), 0
    while True:
        count += 1
        if (wait := start + count * FRAME_S / SLOTS - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        for leg in slots[count % SLOTS]:
            tally.frames_in += 1
            if (pushed := push(leg)) is not None:
                await pushed


async def measure(name: str, legs: int, seconds: float, push: Push, tally: Tally) -> None:
    """Drive the legs, and print one line of JSON about `seconds` of it."""
    driving = asyncio.create_task(drive(legs, push, tally))
    await asyncio.sleep(WARM_S)
    gc.collect()
    gc.freeze()
    before, began, cpu = Tally(**vars(tally)), time.monotonic(), cpu_s()
    await asyncio.sleep(seconds)
    cpu, took = cpu_s() - cpu, time.monotonic() - began
    driving.cancel()
    frames = tally.frames_in - before.frames_in
    figures = {
        "engine": name,
        "legs": legs,
        "seconds": round(took, 2),
        "cpu_us_per_frame": round(cpu / frames * 1e6, 1),
        "cpu_percent_of_core": round(cpu / took * 100, 1),
        "frames": frames,
        "share_through": round((tally.frames_out - before.frames_out) / frames, 3),
        "speech_frames": tally.speech_out - before.speech_out,
    }
    print(json.dumps(figures), flush=True)


def cpu_s() -> float:
    """Seconds of processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(run: Callable[[str, int, float], Coroutine[Any, Any, None]]) -> None:
    """Run one side: `ENGINE LEGS SECONDS` on the command line."""
    pin(OURS)
    uvloop.run(run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
