"""One call on Asterisk: how it comes about and how it ends, from ringing to the last bridge.

Knows channels and parties; knows nothing of languages. What is done with the parties' frames is the `Join` that it is
given.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from controller.errors import PbxError
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import ChannelEnded, Dtmf, Held, Replaced
from controller.pbx.ari_ids import PREFIX
from controller.pbx.party import Join, OpenMedia, Party, quietly

log = logging.getLogger(__name__)

_CAUSES: Final = {17: "busy", 18: "no_answer", 19: "no_answer", 21: "rejected"}
"""Q.850 causes of the called party that the caller is told as they are; any other is a normal end."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a call is over."""

    by: str
    """`a` or `b`: who hung up; `room`: the last has left; `operator`; `media`, `pbx` or `service` otherwise."""

    detail: str


class Call:
    """The parties of one call."""

    def __init__(self, ari: AriClient, open_media: OpenMedia, name: str) -> None:
        self.name = name
        self.parties: dict[str, Party] = {}
        """By name, those who are there or are coming."""
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        """Done as soon as the call is over, or cannot go on."""
        self._ari = ari
        self._open_media = open_media
        self._keys = asyncio.Lock()

    def with_channel(self, channel_id: str) -> Party | None:
        """The party whose channel that is."""
        return next((party for party in self.parties.values() if party.channel_id == channel_id), None)

    async def tell(self, event: ChannelEnded | Held | Dtmf | Replaced) -> None:
        """Something happened on one of the parties' channels."""
        party = self.with_channel(event.channel_id)
        if party is None:
            return
        match event:
            case ChannelEnded():
                if not party.gone.done():
                    party.gone.set_result(event)
                    self._left(party, event)
            case Replaced():
                log.info("call %s: %s has handed the call over", self.name, party.name)
                party.taken_over(event.by)
                await quietly(self._ari.hangup(event.channel_id, "normal"))  # or the dialplan would go on with it
            case Held():
                party.held(event.on)
            case Dtmf():
                if digits := party.pressed(event.digit):
                    await self._pass_on(digits, party)

    def end(self, why: Ended) -> None:
        """The call is over; the first reason counts."""
        if not self.ended.done():
            self.ended.set_result(why)

    async def clean_up(self) -> None:
        """Hang up whoever is left and remove bridges and media channels. What has gone already is no error."""
        await asyncio.gather(*(party.close(self._farewell(party)) for party in self.parties.values()))

    def _add(self, name: str, channel_id: str) -> Party:
        def lost(reason: str) -> None:
            self._lost(party, reason)

        party = self.parties[name] = Party(self.name, name, channel_id, self._ari, self._open_media, lost)
        return party

    def _left(self, party: Party, event: ChannelEnded) -> None:
        """A party's channel has ended."""
        self.end(Ended(party.name, event.reason))

    def _lost(self, party: Party, reason: str) -> None:
        """A party is there and cannot be heard any more."""
        self.end(Ended("media", reason))

    def _farewell(self, party: Party) -> str | None:
        """The reason that a party is told when it is hung up; None where it is not."""
        return "normal"

    async def _pass_on(self, digits: str, presser: Party) -> None:
        """Let the others' phones hear keys. Each party is in a bridge of its own: Asterisk does not relay them."""
        async with self._keys:  # keys pressed in quick succession must not overtake each other
            others = [party for party in self.parties.values() if party is not presser]
            await asyncio.gather(*(quietly(self._ari.send_dtmf(party.channel_id, digits)) for party in others))


class Pair(Call):
    """Two who talk to each other, `a` and `b`. It ends when either has gone."""

    def start(self, join: Join) -> None:
        """Pass frames from now on."""
        for party in self.parties.values():
            party.start(join)


class Running(Pair):
    """Two who were connected already when they asked for an interpreter.

    Only they end their call: where the interpreter cannot come, or cannot stay, the dialplan connects them again.
    """

    def __init__(self, ari: AriClient, open_media: OpenMedia, name: str, a_channel: str, b_channel: str) -> None:
        super().__init__(ari, open_media, name)
        self._add("a", a_channel)
        self._add("b", b_channel)

    async def connect(self) -> None:
        """Put each into a bridge with a media channel.

        Raises:
            PbxError: it did not come about; `clean_up` is due all the same.
        """
        opened = _all(*(party.open() for party in self.parties.values()))
        await unless(self.ended, opened, lambda ended: str(ended.detail))

    def _farewell(self, party: Party) -> str | None:
        by_themselves = self.ended.done() and self.ended.result().by in ("a", "b", "operator")
        return "normal" if by_themselves else None


class Dialled(Pair):
    """A caller (`a`) and whom they called (`b`)."""

    def __init__(self, ari: AriClient, open_media: OpenMedia, name: str, caller_channel: str) -> None:
        super().__init__(ari, open_media, name)
        self._caller = self._add("a", caller_channel)
        self._callee = self._add("b", f"{PREFIX}{name}.b")
        self._refusal = "congestion"

    async def connect(self, dial: str, ring_s: float) -> None:
        """Ring the called party, answer the caller when they answer, open both media channels and bridge them.

        Raises:
            PbxError: it did not come about; `clean_up` is due all the same.
        """
        await unless(self.ended, self._connect(dial, ring_s), lambda ended: str(ended.detail))

    async def _connect(self, dial: str, ring_s: float) -> None:
        await self._ari.ring(self._caller.channel_id)
        await self._ari.originate(
            dial, self._callee.channel_id, originator=self._caller.channel_id, timeout_s=max(1, round(ring_s))
        )
        await self._ari.started(self._callee.channel_id, ring_s + 2)
        await _all(self._caller.answer(), self._callee.open())
        self._refusal = "normal"

    def _left(self, party: Party, event: ChannelEnded) -> None:
        if party is self._callee and self._refusal == "congestion":
            self._refusal = _CAUSES.get(event.cause or 0, "normal")
        super()._left(party, event)

    def _farewell(self, party: Party) -> str | None:
        return self._refusal if party is self._caller else "normal"


async def _all(*work: Coroutine[Any, Any, None]) -> None:
    """Do all of it at the same time; the first failure ends the rest, and is raised once that has let go."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def unless(over: asyncio.Future[Any], work: Coroutine[Any, Any, None], why: Callable[[Any], str]) -> None:
    """Do the work, or give it up as soon as `over` is done; `why` makes a reason of its result.

    Raises:
        PbxError: it failed, or was given up.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task, over], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise PbxError(f"The call ended before it was connected: {why(over.result())}.")
        await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, PbxError):
            await task


async def sweep(ari: AriClient) -> int:
    """Remove what an earlier controller left behind: its bridges with everyone in them. Returns how many channels."""
    ours = f"{PREFIX}{ari.app}-"
    strays: set[str] = {channel for channel in await ari.channels() if channel.startswith(ours)}
    for bridge in await ari.bridges():
        if bridge.startswith(ours):
            strays.update(await ari.members(bridge))
            await quietly(ari.destroy_bridge(bridge))
    for channel in strays:
        await quietly(ari.hangup(channel))
    return len(strays)
