"""A phone's state: its calls one after the other, what is agreed about their audio, and the streams that carry it.

Lives in the exchange's thread; only `calls` is read from others, under `changed`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from controller.errors import StackError
from controller.frames import Pcm
from controller.stack.port_block import PortBlock
from controller.stack.ports import LOOPBACK
from tests.fakes.sip_phone import sdp
from tests.fakes.sip_phone.agent import Agent
from tests.fakes.sip_phone.g711 import Law
from tests.fakes.sip_phone.rtp import Stream
from tests.fakes.udp_relay import UdpRelay


@dataclass(slots=True)
class CallState:
    """How far one of the phone's calls has come."""

    incoming: bool
    established: bool = False
    ended: bool = False
    status: int = 0
    """The last SIP status that decided something: 486 where the other side was busy."""


class Line:
    """What the agent asks and tells (see `agent.User`), and what the phone wants done."""

    def __init__(
        self, name: str, speaks: Pcm, laws: Sequence[Law], *, auto_answer: bool, relay: UdpRelay | None
    ) -> None:
        self.name = name
        self.calls: list[CallState] = []
        self.changed = threading.Condition()
        self.agent: Agent
        self.stream: Stream | None = None
        self.looped: tuple[float, float] | None = None
        self.block = PortBlock.take(4)
        self._speaks = speaks
        self._laws = tuple(laws)
        self._auto_answer = auto_answer
        self._relay = relay
        self._direction = "sendrecv"
        self._mute = False
        self._version = 0
        self._dialing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        port = self.block[1]
        self.agent = Agent(self.name, port, self)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self.agent, local_addr=(LOOPBACK, port))

    async def close(self) -> None:
        if self.calls and not self.calls[-1].ended:
            await self.agent.hang_up()
        self.vanish()

    def vanish(self) -> None:
        self.agent.close()
        if self.stream is not None:
            self.stream.close()
        if self._relay is not None:
            self._relay.close()
        self.block.close()

    def dial(self, uri: str) -> None:
        self._new_call(incoming=False)
        self._dialing = asyncio.create_task(self.agent.dial(uri))

    async def hold(self, music: Pcm | None, direction: str) -> None:
        self._direction = direction
        self.live.voice.hold(music)
        self.mute(music is None and direction != "sendrecv")
        await self.agent.reinvite()

    async def change_codec(self, law: Law) -> None:
        self._laws = (law,)
        await self.agent.reinvite()

    def mute(self, on: bool) -> None:
        self._mute = on
        self._apply()

    @property
    def live(self) -> Stream:
        """The audio of the last call."""
        if self.stream is None:
            raise StackError(f"The phone {self.name} is in no call.")
        return self.stream

    def offer(self) -> str:
        return self._describe(self._laws)

    def answer(self, offer: str) -> str:
        wanted = sdp.parse(offer)
        law = self._law(wanted)
        self._direction = sdp.MIRRORED[wanted.direction]
        self._set(wanted, law)
        return self._describe([law])

    def agreed(self, answer: str) -> None:
        media = sdp.parse(answer)
        self._set(media, self._law(media))

    def ringing(self) -> None:
        self._new_call(incoming=True)
        if self._auto_answer:
            asyncio.get_running_loop().call_soon(self.agent.accept)

    def established(self) -> None:
        self.live.start()
        self._change(established=True)

    def ended(self, status: int) -> None:
        if self.stream is not None:
            self.stream.close()
        self._change(ended=True, status=status)

    def _new_call(self, *, incoming: bool) -> None:
        self._direction = "sendrecv"
        self.stream = Stream(self.block[2])
        self.stream.voice.say(self._speaks, 0)
        if self.looped is not None:
            self.stream.voice.loop(*self.looped)
        with self.changed:
            self.calls.append(CallState(incoming))
            self.changed.notify_all()

    def _describe(self, laws: Sequence[Law]) -> str:
        self._version += 1
        port = self.block[2] if self._relay is None else self._relay.outer
        return sdp.describe(port, laws, self._direction, self._version)

    def _law(self, media: sdp.Media) -> Law:
        return next(one for one in self._laws if one.payload_type in media.payload_types)

    def _set(self, media: sdp.Media, law: Law) -> None:
        self.live.law = law
        self.live.remote = media.address
        if self._relay is not None:
            self.live.remote = self._relay.connect((LOOPBACK, self.block[2]), media.address)
        self._apply()

    def _apply(self) -> None:
        self.live.sends = self._direction in ("sendrecv", "sendonly") and not self._mute

    def _change(self, **what: bool | int) -> None:
        with self.changed:
            for name, value in what.items():
                setattr(self.calls[-1], name, value)
            self.changed.notify_all()
