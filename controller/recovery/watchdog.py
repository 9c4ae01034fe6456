"""Probes the engines by inference, since a server says that a model is ready when its process is long dead.

A model whose process has died is unloaded and loaded again, which brings it back. One that is merely slow is left
alone: to take it down would hurt the calls that it still serves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from controller.engines import Engines
from controller.errors import EngineDied, EngineError
from controller.triton.client import TritonClient

log = logging.getLogger(__name__)

PROBE_S = 3.0
"""Seconds between probes."""


class Watchdog:
    """Knows at each moment which engines work."""

    def __init__(self, engines: Engines, triton: TritonClient) -> None:
        self.healthy: dict[str, bool] = {}
        """By kind of engine: stt, mt, tts."""
        self._probes: dict[str, Callable[[], Awaitable[None]]] = {
            "stt": engines.stt.probe,
            "mt": engines.mt.probe,
            "tts": engines.tts.probe,
        }
        self._triton = triton

    async def first_probe(self) -> None:
        """Probe each engine once.

        Raises:
            EngineError: one of them does not work.
        """
        for kind, probe in self._probes.items():
            await probe()
            self.healthy[kind] = True

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(PROBE_S)
            for kind, probe in self._probes.items():
                await self._check(kind, probe)

    async def _check(self, kind: str, probe: Callable[[], Awaitable[None]]) -> None:
        try:
            await probe()
        except EngineError as error:
            if self.healthy.get(kind, True):
                log.warning("the %s engine does not work: %s", kind, error)
            self.healthy[kind] = False
            if isinstance(error, EngineDied):
                await self._reload(error.engine)
            return
        if not self.healthy.get(kind, True):
            log.warning("the %s engine works again", kind)
        self.healthy[kind] = True

    async def _reload(self, model: str) -> None:
        try:
            await self._triton.reload(model)
        except EngineError as error:
            log.warning("the model %s could not be loaded again: %s", model, error)
        else:
            log.warning("the model %s was loaded again", model)
