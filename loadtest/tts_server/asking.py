"""Utterances out of Triton: so many streams, at once or one after the other, and what each of them heard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from controller.errors import EngineUnavailable
from controller.triton.client import TritonClient
from controller.triton.contracts import Latents, synthesize
from loadtest.tts_server.player import Chunk, Heard
from loadtest.xtts import task

MODEL: Final = "xtts_v2"
RATE: Final = 24_000
"""Hertz: the model's own, which is coqui-tts's."""

ARRIVALS: Final[Mapping[str, float]] = {"at_once": 0.0, "300ms": 0.3}
"""Seconds between one request and the next."""

PATIENCE_S: Final = 300.0
"""For a sound, and for all of them. What is slow is to be measured, not to be given up."""

MOST_TRIES: Final = 10
"""Seeds that are tried for each that is wanted."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked for, but for the seed."""

    client: TritonClient
    voice: Latents
    tokens_per_s: float
    """Audio tokens of a second of sound."""
    text: str = task.TEXT
    language: str = task.LANGUAGE

    async def connect(self) -> None:
        """Open the connection that speech comes through, by asking for none."""
        stream = synthesize(self.client, "...", self.language, sample_rate=RATE, latents=self.voice, model=MODEL)
        async with aclosing(stream) as chunks:
            async for _ in chunks:
                pass

    async def together(self, seeds: Sequence[int], apart_s: float) -> list[Heard]:
        """One utterance a seed, each asked for `apart_s` seconds after the one before.

        Raises:
            EngineError: one of them was refused or broke off; the others are ended.
        """
        began = time.perf_counter()
        speaking = [
            asyncio.create_task(self._hear(seed, began, began + number * apart_s)) for number, seed in enumerate(seeds)
        ]
        try:
            return await asyncio.gather(*speaking)
        finally:
            for one in speaking:
                one.cancel()
            await asyncio.gather(*speaking, return_exceptions=True)

    async def lasting(self, count: int, tokens: int) -> list[int]:
        """`count` seeds that say all the tokens there may be.

        Raises:
            EngineUnavailable: there are not as many among those that were tried.
        """
        found: list[int] = []
        for first in range(0, MOST_TRIES * count, count):
            tried = range(first, first + count)
            heard = await self.together(tried, 0.0)
            found += [seed for seed, one in zip(tried, heard, strict=True) if one.tokens(self.tokens_per_s) == tokens]
            if len(found) >= count:
                return found[:count]
        raise EngineUnavailable(
            f"only {len(found)} of {MOST_TRIES * count} seeds say all {tokens} tokens: give structural weights",
            engine=MODEL,
        )

    async def _hear(self, seed: int, began: float, due: float) -> Heard:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asked = time.perf_counter()
        stream = synthesize(
            self.client,
            self.text,
            self.language,
            sample_rate=RATE,
            latents=self.voice,
            seed=seed,
            first_s=PATIENCE_S,
            gap_s=PATIENCE_S,
            deadline_s=PATIENCE_S,
            model=MODEL,
        )
        async with aclosing(stream) as chunks:
            came = [Chunk(time.perf_counter() - asked, len(pcm)) async for pcm in chunks]
        if not came:
            raise EngineUnavailable(f"{MODEL} said nothing: its log tells why", engine=MODEL)
        return Heard(asked - began, tuple(came), RATE)
