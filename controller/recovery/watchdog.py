"""Probes the engines by inference, since a server says that a model is ready when its process is long dead.

A model whose process has died is unloaded and loaded again, which brings it back. One that is merely slow is left
alone: to take it down would hurt the calls that it still serves. A probe brings an engine back that its breaker keeps
from the calls; one that works, and has another behind it, is probed less often, for it may be paid by request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import nullcontext

from controller.engines import Engines
from controller.engines.fallback import Chain, Engine, Member
from controller.engines.mt.guarded import Guarded
from controller.errors import EngineDied, EngineError
from controller.recovery.breaker import Attempt, Breaker, Limits, State
from controller.triton.client import TritonClient

log = logging.getLogger(__name__)

PROBE_S = 3.0
"""Seconds between probes."""

SELDOM = 10
"""One round in so many probes an engine that works and has another behind it."""


class Watchdog:
    """Knows at each moment which engines work."""

    def __init__(self, engines: Engines, triton: TritonClient) -> None:
        self.healthy: dict[str, bool] = {}
        """By kind of engine, stt, mt, tts: whether one of that kind works."""
        self._triton = triton
        kinds: dict[str, Engine] = {"stt": engines.stt, "mt": engines.mt, "tts": engines.tts}
        self._watched = [one for kind, engine in kinds.items() for one in _watched(kind, engine)]
        self._round = 0

    async def first_probe(self) -> None:
        """Probe each engine once.

        Raises:
            EngineError: of one kind none works.
        """
        await self._probe_all(self._watched)
        for one in self._watched:
            if one.trouble is not None and not self.healthy[one.kind]:
                raise one.trouble

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(PROBE_S)
            self._round += 1
            due = [one for one in self._watched if one.needed or self._round % SELDOM == 0]
            await self._probe_all(due)

    async def _probe_all(self, due: Sequence[_Watched]) -> None:
        """All at once: one that hangs keeps no other from being found."""
        async with asyncio.TaskGroup() as tasks:
            for one in due:
                tasks.create_task(self._check(one))
        for kind in {one.kind for one in self._watched}:
            self.healthy[kind] = any(one.works for one in self._watched if one.kind == kind)

    async def _check(self, one: _Watched) -> None:
        before = one.trouble
        await one.probe()
        if one.trouble is not None and before is None:
            log.warning("the %s engine %s does not work: %s", one.kind, one.name, one.trouble)
        elif one.trouble is None and before is not None:
            log.warning("the %s engine %s works again", one.kind, one.name)
        if isinstance(one.trouble, EngineDied):
            await self._reload(one.trouble.engine)

    async def _reload(self, model: str) -> None:
        try:
            await self._triton.reload(model)
        except EngineError as error:
            log.warning("the model %s could not be loaded again: %s", model, error)
        else:
            log.warning("the model %s was loaded again", model)


class _Watched:
    """One engine."""

    def __init__(self, kind: str, member: Member[Engine], last: bool) -> None:
        """`last`: no other is behind it."""
        self.kind = kind
        self.name = member.engine.name
        self.trouble: EngineError | None = None
        """What its last probe told."""
        self._engine = member.engine
        self._breaker = member.breaker
        self._last = last

    @property
    def needed(self) -> bool:
        """Whether it is to be probed often."""
        return self._last or self.trouble is not None or self._breaker.state is not State.CLOSED

    @property
    def works(self) -> bool:
        """As far as is known, by probes and by what calls asked of it."""
        return self.trouble is None and self._breaker.state is State.CLOSED

    async def probe(self) -> None:
        """Unless it is left alone, or somebody's request is trying it already."""
        attempt: Attempt | None = None
        if self._breaker.state is not State.CLOSED:
            attempt = self._breaker.enter()
            if attempt is None:
                return
        with attempt or nullcontext():
            try:
                await self._engine.probe()
            except EngineError as error:
                self.trouble = error
                if attempt is None:
                    self._breaker.broke(error)
                else:
                    attempt.failed(error)
            else:
                self.trouble = None
                if attempt is not None:
                    attempt.succeeded(0.0)  # a probe is small: how long it takes says nothing


def _watched(kind: str, engine: Engine) -> list[_Watched]:
    if isinstance(engine, Guarded):  # those whom it asks besides are the next of the chain, or nobody's loss
        return _watched(kind, engine.first)
    if not isinstance(engine, Chain):
        breaker = Breaker(engine.name, kind, Limits(open_s=0.0), asyncio.get_running_loop().time)
        return [_Watched(kind, Member(engine, breaker), last=True)]
    return [_Watched(kind, one, last=one is engine.members[-1]) for one in engine.members]
