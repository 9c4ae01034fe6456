"""The scripted Deepgram itself: who is connected, and what is to go wrong."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from enum import Enum
from typing import Any

from tests.fakes.fake_deepgram.ears import Ears
from tests.fakes.fake_deepgram.sessions import FluxSession, NovaSession, Session

IDLE_S = 10.0
"""Without a message for so long a connection is closed."""


class Fault(Enum):
    """What can go wrong. Those with a status are answers to a handshake, and cut what is open."""

    FREEZE = "freeze"
    """It takes and says nothing any more, and closes nothing."""
    INTERNAL = "1011"
    RESET = "RST"
    EOF = "EOF"
    UNKNOWN_TYPE = "unknown type"
    BAD_JSON = "bad JSON"
    SLOW_OPEN = "slow open"
    """The next handshake is not answered."""
    THROTTLED = 429
    UNAVAILABLE = 503
    UNAUTHORISED = 401
    UNPAID = 402
    FORBIDDEN = 403
    UNREADABLE = 400

    @property
    def status(self) -> int:
        """Of a handshake; 0 for what is none."""
        return self.value if isinstance(self.value, int) else 0


PASSING = (
    Fault.FREEZE,
    Fault.INTERNAL,
    Fault.RESET,
    Fault.EOF,
    Fault.THROTTLED,
    Fault.SLOW_OPEN,
    Fault.UNKNOWN_TYPE,
    Fault.BAD_JSON,
)
"""What a stream survives."""


class Peer(ABC):
    """One connection, as the service sees it."""

    def __init__(self, service: FakeDeepgram, path: str, query: Mapping[str, str]) -> None:
        self.service = service
        self.frozen = False
        self.gone = False
        self.got: list[str] = []
        """Texts, in order."""
        self.audio_s = 0.0
        kind = FluxSession if path.endswith("/v2/listen") else NovaSession
        self._early: list[dict[str, Any]] = []
        self._begun = False
        self._session: Session = kind(self._say, service.ears, query)
        self._idle: asyncio.TimerHandle | None = None
        service.peers.append(self)
        self._touch()

    def begin(self) -> None:
        """It may be heard from now on."""
        self._begun = True
        for one in self._early:
            self._say(one)

    async def take(self, message: bytes | str) -> None:
        """Something came."""
        if self.frozen or self.gone:
            return
        self._touch()
        if isinstance(message, bytes):
            self.audio_s += len(message) / 32_000
            await self._session.audio(message)
            return
        self.got.append(str(json.loads(message)["type"]))
        if not await self._session.text(message):
            self.end()
            await self.close(1000, "")

    def end(self) -> None:
        """Nothing comes or goes any more."""
        self.gone = True
        if self._idle is not None:
            self._idle.cancel()
        if self in self.service.peers:
            self.service.peers.remove(self)

    async def strike(self, fault: Fault) -> None:
        """Let it go wrong."""
        if fault is Fault.FREEZE:
            self.frozen = True
            if self._idle is not None:
                self._idle.cancel()
        elif fault is Fault.UNKNOWN_TYPE:
            self.emit('{"type": "Novelty", "since": 2027}')
        elif fault is Fault.BAD_JSON:
            self.emit("{this is no JSON")
        elif fault in (Fault.RESET, Fault.EOF):
            self.end()
            self.drop(reset=fault is Fault.RESET)
        else:
            self.end()
            await self.close(1011, "NET-0000")

    @abstractmethod
    def emit(self, text: str) -> None:
        """Send a text frame; never waits."""

    @abstractmethod
    async def close(self, code: int, reason: str) -> None:
        """Close in good order."""

    @abstractmethod
    def drop(self, *, reset: bool) -> None:
        """Go without a word."""

    def _say(self, message: dict[str, Any]) -> None:
        if not self._begun:
            self._early.append(message)
        elif not self.frozen and not self.gone:
            self.emit(json.dumps(message))

    def _touch(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._close_idle)

    def _close_idle(self) -> None:
        self.end()
        self._closing = asyncio.get_running_loop().create_task(self.close(1011, "NET-0001"))


class FakeDeepgram:
    """The service."""

    def __init__(self, ears: Ears) -> None:
        self.ears = ears
        self.peers: list[Peer] = []
        self.asked: list[tuple[str, dict[str, list[str]], str]] = []
        """Handshakes: path, query and Authorization."""
        self.at_open: deque[Fault] = deque()
        """For each of the next handshakes."""
        self.always: Fault | None = None
        """For every handshake."""

    def handshake(self, path: str, query: dict[str, list[str]], authorization: str) -> Fault | None:
        """Somebody wants in."""
        self.asked.append((path, query, authorization))
        return self.always or (self.at_open.popleft() if self.at_open else None)

    async def strike(self, fault: Fault) -> None:
        """Let it go wrong, for all who are connected."""
        if fault.status or fault is Fault.SLOW_OPEN:
            self.at_open.append(fault)
        for peer in list(self.peers):
            await peer.strike(fault)
