"""The way to the scripted Deepgram that needs no socket, and so runs on virtual time. It fails as the SDK would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

from controller.engines.stt.deepgram.asking import address
from controller.engines.stt.deepgram.options import Options
from controller.engines.stt.deepgram.transport import Control
from controller.errors import EngineBarred, EngineRejected, EngineUnavailable
from tests.fakes.fake_deepgram.service import FakeDeepgram, Fault, Peer

KNOWN = ("Results", "Metadata", "UtteranceEnd", "SpeechStarted", "Connected", "TurnInfo", "Error")
"""What the SDK has types for; it makes None of all others."""

_TEXTS = {Control.KEEP_ALIVE: "KeepAlive", Control.CLOSE: "CloseStream"}


class MemoryTransport:
    """Connections within the process; each message takes `delay_s` to arrive."""

    def __init__(self, service: FakeDeepgram, options: Options, delay_s: float = 0.15) -> None:
        self._service = service
        self._options = options
        self._delay_s = delay_s

    @property
    def keeps_alive_by_text(self) -> bool:
        return not self._options.is_flux

    async def open(
        self, speaker: str, language: str, on_message: Callable[[object], None], on_closed: Callable[[str], None]
    ) -> MemoryLink:
        url = urlsplit(address(self._options, speaker, language))
        query = parse_qs(url.query)
        fault = self._service.handshake(url.path, query, f"Token {self._options.key.get_secret_value()}")
        if fault is Fault.SLOW_OPEN:
            await asyncio.Event().wait()
        if fault is not None:
            await asyncio.sleep(self._delay_s)
            kind = {401: EngineBarred, 402: EngineBarred, 403: EngineBarred, 400: EngineRejected}
            raise kind.get(fault.status, EngineUnavailable)(f"scripted: {fault.value}", engine="deepgram")
        await asyncio.sleep(self._delay_s)
        link = MemoryLink(self._options.is_flux, on_message, on_closed, self._delay_s)
        link.peer = _MemoryPeer(self._service, url.path, {name: values[0] for name, values in query.items()}, link)
        link.peer.begin()
        return link


class MemoryLink:
    """One connection, as the client sees it."""

    peer: Peer

    def __init__(
        self, flux: bool, on_message: Callable[[object], None], on_closed: Callable[[str], None], delay_s: float
    ) -> None:
        self._flux = flux
        self._on_message = on_message
        self._on_closed = on_closed
        self._delay_s = delay_s
        self._lost = ""
        self._coming: asyncio.Queue[tuple[float, Callable[[], None]]] = asyncio.Queue()
        self._bringing = asyncio.create_task(self._bring(), name="messages of a scripted Deepgram")

    async def send(self, message: bytes | Control) -> None:
        if self._lost:
            raise EngineUnavailable(f"scripted: {self._lost}", engine="deepgram")
        if isinstance(message, bytes):
            await self.peer.take(message)
            return
        text = _TEXTS.get(message) or ("ForceEndTurn" if self._flux else "Finalize")
        await self.peer.take(json.dumps({"type": text}))

    async def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        self.peer.end()
        self._bringing.cancel()

    def bring(self, what: Callable[[], None]) -> None:
        """Let it arrive, behind what is under way."""
        self._coming.put_nowait((asyncio.get_running_loop().time() + self._delay_s, what))

    def arrives(self, text: str) -> None:
        try:
            message = json.loads(text, object_hook=lambda found: SimpleNamespace(**found))
        except ValueError as error:  # the SDK stops listening
            self._on_closed(str(error))
            self._bringing.cancel()
            return
        self._on_message(message if message.type in KNOWN else None)

    def loses(self, why: str) -> None:
        self._lost = why
        self._on_closed(why)

    async def _bring(self) -> None:
        while True:
            due_s, what = await self._coming.get()
            await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
            what()


class _MemoryPeer(Peer):
    def __init__(self, service: FakeDeepgram, path: str, query: dict[str, str], link: MemoryLink) -> None:
        self._link = link
        super().__init__(service, path, query)

    def emit(self, text: str) -> None:
        self._link.bring(lambda: self._link.arrives(text))

    async def close(self, code: int, reason: str) -> None:
        self._link.bring(lambda: self._link.loses(f"closed with {code} {reason}"))

    def drop(self, *, reset: bool) -> None:
        self._link.loses("reset" if reset else "ended")
