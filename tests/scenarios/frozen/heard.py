"""What a listener really heard of the translations: each found in their recording, as often as it is there, and
recognised again. Knows sounds; knows no engine that may freeze."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import numpy as np
import soxr

from controller.engines.tts import Voice
from controller.engines.tts.timbre import Timbre
from controller.frames import SAMPLE_RATE, Pcm
from controller.messages import Delivery, SpeechChunk
from controller.triton.client import TritonClient
from loadtest.call.again import understood
from loadtest.call.signals import find
from tests.fakes.sounds import RATE

TEMPLATE_S = 1.0
"""A sound is found by so much of its beginning, and of its end."""

SHIFTS_S = (0.0, 0.03, 0.07)
"""Silence in front of what is recognised: a word that is nearly another one is heard now so, now so."""


class KeptVoice:
    """A voice that keeps what it makes."""

    def __init__(self, voice: Voice) -> None:
        self.name = voice.name
        self.made: defaultdict[str, list[Pcm]] = defaultdict(list)
        """By text, at a telephone's rate; what was given up too, as far as it came."""
        self._voice = voice

    def speaks(self, language: str) -> bool:
        return self._voice.speaks(language)

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        pieces: list[Pcm] = []
        try:
            async with aclosing(self._voice.synthesize(text, language, speed=speed, timbre=timbre)) as chunks:
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
    """One translation in a listener's recording: in one piece, or in two where another voice said the rest."""

    delivery: Delivery
    edges: tuple[tuple[int, ...], ...]
    """Of the beginning and the end of each piece in turn: the samples at which it is there."""

    again: tuple[str, ...] = ()
    """What a recogniser hears there, each of several times; nothing where it is not there once."""

    @property
    def once(self) -> bool:
        """It is there once, from its beginning to its end."""
        places = [place for edge in self.edges for place in edge]
        return len(places) == len(self.edges) and places == sorted(places)


async def listen(
    client: TritonClient, recording: Pcm, deliveries: Sequence[Delivery], made: Mapping[str, Sequence[Pcm]]
) -> list[Heard]:
    """Every delivery that has a sound, looked for in all of the recording (int16[n] at a telephone's rate)."""
    found = []
    for delivery in deliveries:
        target = delivery.target or ""
        if not made.get(target):
            continue
        rests = [sounds[-1] for text, sounds in made.items() if text != target and target.endswith(text)]
        # Several where it was begun ahead and given up, or at another speed: that which was played is there.
        looked = [Heard(delivery, _edges([sound, *rests], recording)) for sound in made[target]]
        one = max(looked, key=lambda one: (one.once, sum(map(len, one.edges))))
        if one.once:
            cut = recording[one.edges[0][0] : one.edges[-1][0]]
            wide = soxr.resample(cut, RATE, SAMPLE_RATE, quality="HQ")
            shifted = [np.concatenate([np.zeros(round(shift * SAMPLE_RATE), np.int16), wide]) for shift in SHIFTS_S]
            again = [await understood(client, pcm, delivery.language) for pcm in shifted]
            one = replace(one, again=tuple(again))
        found.append(one)
    return found


def places(sound: Pcm, recording: Pcm) -> tuple[int, ...]:
    """The samples of `recording` at which `sound` begins, each time that it is heard."""
    found: list[int] = []
    begin = 0
    while (one := find(sound, recording, begin)) is not None:
        found.append(one.position)
        begin = one.position + len(sound) // 2
    return tuple(found)


def _edges(pieces: Sequence[Pcm], recording: Pcm) -> tuple[tuple[int, ...], ...]:
    edges: list[tuple[int, ...]] = []
    for piece in pieces:
        count = min(len(piece), round(TEMPLATE_S * RATE))
        ends = places(piece[-count:], recording)
        edges += [places(piece[:count], recording), tuple(place + count for place in ends)]
    return tuple(edges)
