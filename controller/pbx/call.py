"""One call on Asterisk: two parties, each in a bridge with a media channel of ours, from ringing to the last bridge.

Knows channels; knows nothing of languages. What is done with the parties' frames is the `Join` that it is given.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from controller.errors import PbxError
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import ChannelEnded
from controller.pbx.ari_ids import PREFIX
from controller.pbx.media import open_media
from controller.pbx.party import Join, Party

log = logging.getLogger(__name__)

_CAUSES = {17: "busy", 18: "no_answer", 19: "no_answer", 21: "rejected"}
"""Q.850 causes of the called party that the caller is told as they are; any other is a normal end."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a call is over."""

    by: str
    """`a` or `b`: who hung up; `media`, `pbx` or `service` otherwise."""

    detail: str


class Call:
    """A caller (`a`) and whom they called (`b`)."""

    def __init__(self, ari: AriClient, http: aiohttp.ClientSession, name: str, caller_channel: str) -> None:
        self.name = name
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        """Done as soon as either side has gone, or the call cannot go on."""
        self._ari = ari
        self._http = http
        self._caller = Party(name, "a", caller_channel)
        self._callee = Party(name, "b", f"{PREFIX}{name}.b")
        self._refusal = "congestion"

    @property
    def parties(self) -> tuple[Party, Party]:
        return self._caller, self._callee

    def channel_ended(self, event: ChannelEnded) -> None:
        """One of the call's channels has gone."""
        for party in self.parties:
            if event.channel_id == party.channel_id:
                if party is self._callee:
                    self._refusal = _CAUSES.get(event.cause or 0, "normal")
                self.end(Ended(party.name, event.reason))

    def end(self, why: Ended) -> None:
        """The call is over; the first reason counts."""
        if not self.ended.done():
            self.ended.set_result(why)

    async def connect(self, dial: str, ring_s: float) -> None:
        """Ring the called party, answer the caller when they answer, open both media channels and bridge them.

        Raises:
            PbxError: it did not come about; `clean_up` is due all the same.
        """
        connecting = asyncio.create_task(self._connect(dial, ring_s))
        try:
            either: list[asyncio.Future[Any]] = [connecting, self.ended]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                raise PbxError(f"The call ended before it was connected: {self.ended.result().detail}.")
            await connecting
        finally:
            connecting.cancel()
            with suppress(asyncio.CancelledError, PbxError):
                await connecting

    async def _connect(self, dial: str, ring_s: float) -> None:
        await self._ari.ring(self._caller.channel_id)
        await self._ari.originate(
            dial, self._callee.channel_id, originator=self._caller.channel_id, timeout_s=max(1, round(ring_s))
        )
        await self._ari.started(self._callee.channel_id, ring_s + 2)
        await self._ari.answer(self._caller.channel_id)
        for party in self.parties:
            await self._open(party)

    async def _open(self, party: Party) -> None:
        party.media = await open_media(
            self._ari,
            self._http,
            party.media_id,
            on_frame=party.on_frame,
            on_event=party.on_event,
            on_closed=lambda reason: self.end(Ended("media", reason)),
        )
        await self._ari.create_bridge(party.bridge_id)
        await self._ari.add_channels(party.bridge_id, party.channel_id, party.media_id)

    def start(self, join: Join) -> None:
        """Pass frames from now on."""
        for party in self.parties:
            party.start(join)

    async def clean_up(self) -> None:
        """Hang up whoever is left and remove bridges and media channels. What has gone already is no error."""
        reason = "normal" if self._caller.media else self._refusal
        for party in self.parties:
            if party.media is not None:
                await party.media.close()
        # One after the other and each for itself: a failure must not keep the next from being removed.
        for party in self.parties:
            await _quietly(self._ari.hangup(party.channel_id, reason if party is self._caller else "normal"))
            await _quietly(self._ari.hangup(party.media_id))
            await _quietly(self._ari.destroy_bridge(party.bridge_id))


async def sweep(ari: AriClient) -> int:
    """Remove what an earlier controller left behind: its bridges with everyone in them. Returns how many channels."""
    ours = f"{PREFIX}{ari.app}-"
    strays: set[str] = {channel for channel in await ari.channels() if channel.startswith(ours)}
    for bridge in await ari.bridges():
        if bridge.startswith(ours):
            strays.update(await ari.members(bridge))
            await _quietly(ari.destroy_bridge(bridge))
    for channel in strays:
        await _quietly(ari.hangup(channel))
    return len(strays)


async def _quietly(request: Awaitable[None]) -> None:
    try:
        await request
    except PbxError as error:
        log.warning("while cleaning up: %s", error)
