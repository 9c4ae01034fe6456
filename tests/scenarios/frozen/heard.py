"""What a listener really heard of the translations: each found in their recording, as often as it is there, and
recognised again. Knows sounds; knows no engine that may freeze."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np
import soxr

from controller.engines.tts import Voice
from controller.frames import SAMPLE_RATE, Pcm
from controller.messages import Delivery, SpeechChunk
from controller.triton.client import TritonClient
from loadtest.call.again import understood
from loadtest.call.signals import find
from tests.fakes.sounds import RATE

TEMPLATE_S = 1.0
"""A sound is found by so much of its beginning, and of its end."""


class KeptVoice:
    """A voice that keeps what it makes."""

    def __init__(self, voice: Voice) -> None:
        self.name = voice.name
        self.made: defaultdict[str, list[Pcm]] = defaultdict(list)
        """By text, at a telephone's rate; what was given up too, as far as it came."""
        self._voice = voice

    def speaks(self, language: str) -> bool:
        return self._voice.speaks(language)

    async def synthesize(self, text: str, language: str, *, speed: float = 1.0) -> AsyncGenerator[SpeechChunk, None]:
        pieces: list[Pcm] = []
        try:
            async with aclosing(self._voice.synthesize(text, language, speed=speed)) as chunks:
                async for chunk in chunks:
                    pieces.append(chunk.pcm)
                    yield chunk
        finally:
            if sum(map(len, pieces)):
                self.made[text].append(soxr.resample(np.concatenate(pieces), SAMPLE_RATE, RATE, quality="HQ"))

    async def probe(self) -> None:
        await self._voice.probe()


@dataclass(frozen=True)
class Heard:
    """One translation in a listener's recording."""

    delivery: Delivery
    begins: tuple[int, ...]
    """The samples at which its beginning is there."""
    ends: tuple[int, ...]
    """Behind its end: the same."""
    again: str
    """What a recogniser hears there; empty where the sound is not there."""

    @property
    def once(self) -> bool:
        """It is there once, from its beginning to its end."""
        return len(self.begins) == len(self.ends) == 1 and self.begins[0] < self.ends[0]


async def listen(
    client: TritonClient, recording: Pcm, deliveries: Sequence[Delivery], made: dict[str, list[Pcm]]
) -> list[Heard]:
    """Every delivery that has a sound, looked for in all of the recording (int16[n] at a telephone's rate)."""
    found = []
    for delivery in deliveries:
        sounds = made.get(delivery.target or "", [])
        if not sounds:
            continue
        # Several where it was begun ahead and given up, or at another speed: that which was played is there.
        one = max((_look(delivery, sound, recording) for sound in sounds), key=lambda one: (one.once, len(one.begins)))
        again = ""
        if one.once:
            cut = recording[one.begins[0] : one.ends[0]]
            again = await understood(client, soxr.resample(cut, RATE, SAMPLE_RATE, quality="HQ"), delivery.language)
        found.append(Heard(delivery, one.begins, one.ends, again))
    return found


def places(sound: Pcm, recording: Pcm) -> tuple[int, ...]:
    """The samples of `recording` at which `sound` begins, each time that it is heard."""
    found: list[int] = []
    begin = 0
    while (one := find(sound, recording, begin)) is not None:
        found.append(one.position)
        begin = one.position + len(sound) // 2
    return tuple(found)


def _look(delivery: Delivery, sound: Pcm, recording: Pcm) -> Heard:
    count = min(len(sound), round(TEMPLATE_S * RATE))
    ends = (place + count for place in places(sound[-count:], recording))
    return Heard(delivery, places(sound[:count], recording), tuple(ends), "")
