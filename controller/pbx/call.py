"""One call on Asterisk: two parties, each in a bridge with a media channel of ours, from ringing to the last bridge.

Knows channels and frames; knows nothing of languages. What is done with the frames is the `Join` that it is given.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from controller.audio.levels import dbfs
from controller.errors import PbxError
from controller.frames import SILENCE, Pcm
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import ChannelEnded
from controller.pbx.media import MarkReached, MediaChannel, MediaEvent, QueueStatus, open_media

log = logging.getLogger(__name__)

PREFIX = "dgm."
"""Every channel and bridge of ours is `dgm.<app>-<call>.<leg>...`, so that a newly started controller of the same
application finds them."""

MARGIN_FRAMES = 2
"""Frames held in Asterisk: with none, every tick that is a little late would be a gap in the phone's stream."""

DEEPEST_FRAMES = 4
"""More than this waiting in Asterisk is a standing queue: it would delay all that follows."""

FLUSH_FRAMES = 15
"""More than this is what a stall of Asterisk has left: it is thrown away at once."""

STATUS_EVERY_FRAMES = 25
"""The depth is asked for twice a second; no answer until the next time means that Asterisk has stalled."""

QUIET_DBFS = -50.0
"""Frames below this level may be left out or doubled unheard: line noise, not speech."""


class Leg(Protocol):
    """What becomes of one party in the conversation."""

    def push(self, pcm: Pcm) -> None:
        """A frame came from the party, int16[320]."""

    def reached(self, mark: str) -> None:
        """All that was sent to the party before `mark` has been played."""


Join = Callable[[str, "Party"], Leg]
"""Called once a party with its name and the party, to whom `send` and `mark` what it shall hear."""

_CAUSES = {17: "busy", 18: "no_answer", 19: "no_answer", 21: "rejected"}
"""Q.850 causes of the called party that the caller is told as they are; any other is a normal end."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a call is over."""

    by: str
    """`a` or `b`: who hung up; `media`, `pbx` or `service` otherwise."""

    detail: str


class Party:
    """One participant's channel with its media channel and bridge."""

    def __init__(self, call: str, name: str, channel_id: str) -> None:
        self.name = name
        self.channel_id = channel_id
        self.media_id = f"{PREFIX}{call}.{name}.media"
        self.bridge_id = f"{PREFIX}{call}.{name}.bridge"
        self.media: MediaChannel | None = None
        self._leg: Leg | None = None
        self._correction = 0
        """Silent frames to add (above zero) or to leave out (below zero)."""
        self._sent = 0
        self._asked = False
        """A status was asked for and has not come."""
        self._stalled = False

    def on_frame(self, pcm: Pcm) -> None:
        """A frame came from the party; before the call is interpreted there is nowhere for it to go."""
        if self._leg is not None:
            self._leg.push(pcm)

    def on_event(self, event: MediaEvent) -> None:
        """Pass marks on, and correct the depth of what waits in Asterisk."""
        if isinstance(event, MarkReached) and self._leg is not None:
            self._leg.reached(event.mark)
        if isinstance(event, QueueStatus):
            self._correct(event)

    def _correct(self, event: QueueStatus) -> None:
        self._asked = self._stalled = False
        self._correction = 0
        if event.frames > FLUSH_FRAMES:
            self._restart_margin()
        elif event.frames > DEEPEST_FRAMES:
            self._correction = MARGIN_FRAMES - event.frames
        elif event.frames == 0:
            self._correction = MARGIN_FRAMES

    def start(self, join: Join) -> None:
        """Begin to pass frames: throw away what has gathered, lay down the margin, join."""
        self._restart_margin()
        self._leg = join(self.name, self)

    def _restart_margin(self) -> None:
        assert self.media is not None
        self.media.flush()
        for _ in range(MARGIN_FRAMES):
            self.media.send(SILENCE)

    def mark(self, name: str) -> bool:
        """Ask to be told when all that was sent so far is played; False where that cannot be."""
        return self.media is not None and self.media.mark(name)

    def send(self, pcm: Pcm) -> bool:
        """Let the party hear 20 ms, int16[320]; False where they had to be dropped."""
        if self.media is None:
            return False
        self._sent += 1
        if self._sent % STATUS_EVERY_FRAMES == 0:
            # Sockets take seconds of audio before they refuse: an Asterisk that stops reading would play it all later.
            self._stalled = self._asked
            self._asked = self.media.request_status()
        if self._stalled:
            return False
        if self._correction and dbfs(pcm) < QUIET_DBFS:
            if self._correction < 0:
                self._correction += 1
                return True
            self._correction -= 1
            self.media.send(SILENCE)
        return self.media.send(pcm)


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
