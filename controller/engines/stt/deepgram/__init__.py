"""Deepgram: the recogniser for those who have a key. docs/deepgram.md says what is sent and what is done when it fails.

A stream a speaker, open from the moment they are in the call; nova-3 or Flux.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from controller.engines.registry import EngineContext
from controller.engines.stt import RecogniserStream
from controller.engines.stt.deepgram import asking
from controller.engines.stt.deepgram.line import NAME, Line
from controller.engines.stt.deepgram.options import Options, read
from controller.engines.stt.deepgram.parsing import read_flux, read_nova
from controller.engines.stt.deepgram.session import DeepgramStream, Terms
from controller.engines.stt.deepgram.transport import Transport
from controller.telemetry.metrics import Registry

PROBED_S: Final = 60.0
"""For so long an answer shows that it works, and no connection is opened for the sake of a probe."""


class Deepgram:
    """The recogniser."""

    name = NAME

    def __init__(self, options: Options, transport: Transport, metrics: Registry) -> None:
        self._options = options
        self._reconnects = metrics.counter(
            "dragoman_deepgram_reconnects_total", "Connections that were lost while their speaker was in the call"
        )
        self._terms = Terms(
            transport,
            read_flux if options.is_flux else read_nova,
            options.deadline_s,
            on_reconnect=self._reconnects.add,
            on_answer=self._worked,
        )
        self._worked_s: float | None = None

    def hears(self, language: str) -> bool:
        return asking.hears(self._options, language)

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> RecogniserStream:
        return DeepgramStream(speaker, language, now, self._terms)

    async def probe(self) -> None:
        """Opens a connection and closes it; nothing where a stream was answered lately."""
        now = asyncio.get_running_loop().time()
        if self._worked_s is not None and now - self._worked_s < PROBED_S:
            return
        line = Line(asyncio.get_running_loop().time, self._terms.read, lambda *_: None)
        try:
            await line.open(self._terms.transport, "", "en")
            await line.close()
            self._worked()
        finally:
            line.cut()

    def _worked(self) -> None:
        self._worked_s = asyncio.get_running_loop().time()


def make(context: EngineContext) -> Deepgram:
    """The engine from its settings.

    Raises:
        SettingsError: an option is wrong, or there is no key.
    """
    options = read(context.options)
    # Deepgram's SDK takes a second to import: only who uses it waits for it.
    from controller.engines.stt.deepgram.connection import DeepgramTransport

    return Deepgram(options, DeepgramTransport(options), context.metrics)
