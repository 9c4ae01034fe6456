"""Both engines of the bench: each takes its turn in its own way, and what comes of it is of one kind."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from loadtest.tts_server import gauges
from loadtest.tts_server.asking import ARRIVALS, Asking
from loadtest.tts_server.player import Chunk, Heard
from loadtest.tts_server.rows import Kind, Taken
from loadtest.xtts.exchange import Engine

SETTLE_S: Final = 0.3
"""The model sends its figures behind the sound."""


class Side(Protocol):
    """One engine."""

    async def take(self, kind: Kind) -> Taken:
        """Have it speak, once, as `kind` says.

        Raises:
            EngineError, EngineFailed, OSError: it does not.
        """


class Ours:
    """`xtts_v2` on Triton."""

    def __init__(self, asking: Asking, seeds: Sequence[int], metrics: str | None) -> None:
        """
        Args:
            seeds: one for each stream.
            metrics: their URL, where they can be had.
        """
        self._asking, self._seeds, self._metrics = asking, seeds, metrics

    async def take(self, kind: Kind) -> Taken:
        before = await self._work()
        heard = await self._asking.together(self._seeds[: kind.streams], ARRIVALS[kind.arrivals])
        after = await self._work()
        tokens = tuple(one.tokens(self._asking.tokens_per_s) for one in heard)
        return Taken(tuple(heard), tokens, after.since(before) if before and after else None)

    async def _work(self) -> gauges.Work | None:
        if self._metrics is None:
            return None
        await asyncio.sleep(SETTLE_S)
        return await asyncio.to_thread(gauges.work, self._metrics)


class Theirs:
    """coqui-tts in a process of its own."""

    def __init__(self, engine: Engine, tokens: int) -> None:
        self._engine, self._tokens = engine, tokens

    async def take(self, kind: Kind) -> Taken:
        return streamed(await asyncio.to_thread(self._engine.do, "stream", tokens=self._tokens))


def streamed(answer: Mapping[str, Any]) -> Taken:
    """What `loadtest.xtts.peer` says of one utterance."""
    chunks = tuple(Chunk(at_s, samples) for at_s, samples in answer["chunks"] if samples)
    return Taken((Heard(0.0, chunks, answer["rate"]),), (answer["tokens"],))
