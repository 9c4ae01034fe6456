"""Probes the engines by inference, since a server says that a model is ready when its process is long dead.

A model whose probe fails twice in a row is unloaded and loaded again: that brings a killed model process back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

from controller.engines import Engines
from controller.errors import EngineError
from controller.triton.client import TritonClient

log = logging.getLogger(__name__)

PROBE_S = 3.0
"""Seconds between probes."""

FAILURES = 2
"""Probes that must fail in a row before a model is loaded again: one may just have met a burst."""


class Watchdog:
    """Knows at each moment which engines work."""

    def __init__(self, engines: Engines, triton: TritonClient) -> None:
        self.healthy: dict[str, bool] = {}
        """By kind of engine: stt, mt, tts."""
        self._probes: dict[str, tuple[str, Callable[[], Awaitable[None]]]] = {
            "stt": (engines.stt.name, engines.stt.probe),
            "mt": (engines.mt.name, engines.mt.probe),
            "tts": (engines.tts.name, engines.tts.probe),
        }
        self._triton = triton
        self._failures: Counter[str] = Counter()

    async def first_probe(self) -> None:
        """Probe each engine once.

        Raises:
            EngineError: one of them does not work.
        """
        for kind, (_, probe) in self._probes.items():
            await probe()
            self.healthy[kind] = True

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(PROBE_S)
            for kind in self._probes:
                await self._check(kind)

    async def _check(self, kind: str) -> None:
        name, probe = self._probes[kind]
        try:
            await probe()
        except EngineError as error:
            self._failures[kind] += 1
            self.healthy[kind] = False
            log.warning("the %s engine does not answer its probe: %s", kind, error)
            if self._failures[kind] >= FAILURES:
                self._failures[kind] = 0
                await self._reload(name)
            return
        if not self.healthy.get(kind, True):
            log.warning("the %s engine %s works again", kind, name)
        self._failures[kind] = 0
        self.healthy[kind] = True

    async def _reload(self, name: str) -> None:
        try:
            await self._triton.reload(name)
        except EngineError as error:
            log.warning("the model %s could not be loaded again: %s", name, error)
        else:
            log.warning("the model %s was unloaded and loaded again", name)
