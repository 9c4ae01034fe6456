"""What the transport scenarios stand on: an application on the real Asterisk, and its legs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from asterisk.render import Extension
from controller.frames import SILENCE, Pcm
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import (
    CallStarted,
    ChannelEnded,
    Event,
)
from controller.pbx.audiosocket import AudioSocketServer
from controller.pbx.media import MediaChannel, MediaEvent, open_media
from controller.pbx.party import OpenMedia
from controller.stack.asterisk import AsteriskServer
from controller.stack.phone import SoftPhone

LIMIT_S = 30.0
"""No test may hang; how long one takes is asserted nowhere."""

EXTENSIONS = (Extension("_2XX", "en", "es", "PJSIP/phone/sip:bob@127.0.0.1:9"),)
"""Calls to 2XX reach the application; whom to call instead of the address named here, a test knows itself."""

ENROLS = Extension("700", "en", enrol=True)
"""Who calls it enrols their voice."""


class Watcher:
    """Keeps all events of an application and lets a test wait for one."""

    def __init__(self) -> None:
        self.seen: list[Event] = []
        self._changed = asyncio.Condition()

    async def __call__(self, event: Event) -> None:
        async with self._changed:
            self.seen.append(event)
            self._changed.notify_all()

    async def until(self, wanted: Callable[[Event], bool]) -> Event:
        async with self._changed:
            while True:
                for event in self.seen:
                    if wanted(event):
                        return event
                await self._changed.wait()


class Leg:
    """One media channel and what came through it."""

    def __init__(self) -> None:
        self.frames: list[Pcm] = []
        self.events: list[MediaEvent] = []
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.pass_on: Callable[[Pcm], bool] | None = None
        self.media: MediaChannel | None = None

    def on_frame(self, pcm: Pcm) -> None:
        self.frames.append(pcm)
        if self.pass_on is not None:
            self.pass_on(pcm)

    async def open(self, opener: OpenMedia, channel_id: str) -> MediaChannel:
        self.media = await opener(
            channel_id,
            on_frame=self.on_frame,
            on_event=self.events.append,
            on_closed=self.closed.set_result,
        )
        return self.media


class Bench:
    """An application with its events and what opens media channels."""

    def __init__(self, ari: AriClient, opener: OpenMedia, events: Watcher) -> None:
        self.ari = ari
        self.opener = opener
        self.events = events

    async def incoming(self) -> CallStarted:
        event = await self.events.until(lambda event: isinstance(event, CallStarted))
        assert isinstance(event, CallStarted)
        return event

    async def leg(self, channel_id: str) -> Leg:
        """A bridge `b-<channel>` with the channel and a media channel `m-<channel>` of its own."""
        leg = Leg()
        media = await leg.open(self.opener, f"m-{channel_id}")
        await self.ari.create_bridge(f"b-{channel_id}")
        await self.ari.add_channels(f"b-{channel_id}", channel_id, media.channel_id)
        return leg

    async def clear(self, channel_id: str, leg: Leg) -> None:
        assert leg.media is not None
        await leg.media.close()
        for channel in (channel_id, leg.media.channel_id):
            await self.ari.hangup(channel)
        await self.ari.destroy_bridge(f"b-{channel_id}")

    async def ended(self, channel_id: str) -> ChannelEnded:
        event = await self.events.until(lambda e: isinstance(e, ChannelEnded) and e.channel_id == channel_id)
        assert isinstance(event, ChannelEnded)
        return event

    async def empty(self) -> None:
        """Wait until Asterisk holds no channel and no bridge any more."""
        while await self.ari.channels() or await self.ari.bridges():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def application(server: AsteriskServer, media: str = "websocket") -> AsyncIterator[Bench]:
    events = Watcher()
    ari = await AriClient.connect(server.ari_url, server.ari_user, server.ari_password, "dragoman", events)
    sockets = AudioSocketServer(ari)
    try:
        if media == "audiosocket":
            await sockets.start("127.0.0.1", 0)
        yield Bench(ari, sockets.open if media == "audiosocket" else partial(open_media, ari), events)
    finally:
        await sockets.close()
        await ari.close()


def go(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a scenario to its end; a hang is a failure."""
    asyncio.run(asyncio.wait_for(scenario, LIMIT_S))


async def off(call: Callable[..., Any], *arguments: Any) -> Any:
    """Phones block: off the loop with them, or frames would wait."""
    return await asyncio.to_thread(call, *arguments)


async def two_parties(bench: Bench, server: AsteriskServer, a: SoftPhone, b: SoftPhone) -> tuple[str, Leg, str, Leg]:
    """A has called B, both are answered, each is in a bridge with a media channel, each hears the other."""
    await off(a.dial, server.sip_uri("201"))
    caller = (await bench.incoming()).channel_id
    callee = f"callee-of-{caller}"
    await bench.ari.originate(f"PJSIP/phone/{b.uri}", callee, originator=caller, args="callee", timeout_s=10)
    await bench.ari.started(callee)
    await bench.ari.answer(caller)
    leg_a, leg_b = await asyncio.gather(bench.leg(caller), bench.leg(callee))
    assert leg_a.media is not None and leg_b.media is not None
    for media in (leg_a.media, leg_b.media):
        for _ in range(2):  # a margin against late frames
            media.send(SILENCE)
    leg_a.pass_on, leg_b.pass_on = leg_b.media.send, leg_a.media.send
    return caller, leg_a, callee, leg_b
