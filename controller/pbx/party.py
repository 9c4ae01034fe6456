"""One participant: their channel, and beside it in a bridge a media channel of ours, made anew whenever it is lost.

Knows frames, marks, keys and hold; knows nothing of how calls come about, nor of languages. What is done with the
frames is the `Join` that it is given. Only opening and closing wait; what the audio passes through never does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from controller.errors import PbxError
from controller.frames import Pcm
from controller.pbx.ari_events import ChannelEnded
from controller.pbx.ari_ids import PREFIX
from controller.pbx.ari_requests import AriRequests
from controller.pbx.feed import Feed
from controller.pbx.media import MarkReached, MediaChannel, MediaEvent, QueueStatus

log = logging.getLogger(__name__)

PAUSES_S = (0.0, 0.2, 0.5, 1.0)
"""Before each try to open a lost media channel again; the last one repeats."""

GIVE_UP_S = 5.0
"""So long a participant may be without a media channel before the call ends."""

STEADY_S = 10.0
"""A media channel that has lived so long was sound: its loss is taken for the first one."""


class Leg(Protocol):
    """What becomes of one party in the conversation."""

    def push(self, pcm: Pcm) -> None:
        """A frame came from the party, int16[320]."""

    def reached(self, mark: str) -> None:
        """All that was sent to the party before `mark` has been played."""

    def held(self, on: bool) -> None:
        """The party has put the call on hold, or has taken it up again."""

    def taken_over(self) -> None:
        """Somebody else stands where the party stood."""

    def pressed(self, digit: str) -> str:
        """The party pressed a key; returns the digits that are due to the others."""


Join = Callable[[str, "Party"], Leg]
"""Called once a party with its name and the party, to whom `send` and `mark` what it shall hear."""


class OpenMedia(Protocol):
    """Makes a media channel of that id which may be put into a bridge."""

    async def __call__(
        self,
        channel_id: str,
        *,
        on_frame: Callable[[Pcm], None],
        on_event: Callable[[MediaEvent], None],
        on_closed: Callable[[str], None],
    ) -> MediaChannel:
        """Raises PbxError; after a failure nothing is left of it."""


class Party:
    """One participant's channel with its media channel and bridge."""

    def __init__(
        self,
        call: str,
        name: str,
        channel_id: str,
        ari: AriRequests,
        open_media: OpenMedia,
        on_lost: Callable[[str], None],
    ) -> None:
        """`on_lost`: called with the reason when the media channel is gone for good."""
        self.name = name
        self.channel_id = channel_id
        self.bridge_id = f"{PREFIX}{call}.{name}.bridge"
        self.media: MediaChannel | None = None
        """None before it is open, and while it is made anew."""
        self.media_opened = 0
        """How often a media channel was asked for: once in a quiet call."""
        self.gone: asyncio.Future[ChannelEnded] = asyncio.get_running_loop().create_future()
        """Done as soon as the participant's channel has ended."""
        self.deaf = False
        """True once the media channel is gone for good."""
        self._media_id = f"{PREFIX}{call}.{name}.media"
        self._ari = ari
        self._open_media = open_media
        self._on_lost = on_lost
        self._feed: Feed | None = None
        self._leg: Leg | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._tries = 0
        self._opened_at: float | None = None
        self._closed = False
        self._disposals: set[asyncio.Task[None]] = set()

    # In the audio path

    def send(self, pcm: Pcm) -> bool:
        """Let the party hear 20 ms, int16[320]; False where they had to be dropped."""
        return self._feed is not None and self._feed.send(pcm)

    def mark(self, name: str) -> bool:
        """Ask to be told when all that was sent so far is played; False where that cannot be."""
        return self._feed is not None and self._feed.mark(name)

    def _on_frame(self, pcm: Pcm) -> None:
        """A frame came from the party; before the call is interpreted there is nowhere for it to go."""
        if self._leg is not None:
            self._leg.push(pcm)

    def _on_event(self, event: MediaEvent) -> None:
        if isinstance(event, MarkReached) and self._leg is not None:
            self._leg.reached(event.mark)
        elif isinstance(event, QueueStatus) and self._feed is not None:
            self._feed.answered(event)

    # Beside it

    def start(self, join: Join) -> None:
        """Pass frames from now on."""
        if self._feed is not None:
            self._feed.restart()
        self._leg = join(self.name, self)

    def held(self, on: bool) -> None:
        """The party has put the call on hold, or has taken it up again."""
        if self._leg is not None:
            self._leg.held(on)

    def taken_over(self, channel_id: str) -> None:
        """Somebody else stands where the party stood, on that channel."""
        self.channel_id = channel_id
        if self._leg is not None:
            self._leg.taken_over()

    def pressed(self, digit: str) -> str:
        """The party pressed a key; returns the digits that are due to the others."""
        return "" if self._leg is None else self._leg.pressed(digit)

    async def answer(self) -> None:
        """Take the party's call and `open` it.

        Raises:
            PbxError: it did not come about; `close` is due all the same.
        """
        await self._ari.answer(self.channel_id)
        await self.open()

    async def open(self) -> None:
        """Put the party's channel into a bridge with a media channel.

        Raises:
            PbxError: it did not come about; `close` is due all the same.
        """
        await self._ari.create_bridge(self.bridge_id)
        await self._attach(self.channel_id)

    async def close(self, reason: str | None = "normal") -> None:
        """Hang the party up and remove bridge and media channel. What has gone already is no error.

        Args:
            reason: what the party is told: normal, busy, rejected, ... as ARI names them; None: it is not hung up,
                and the dialplan goes on with it.
        """
        self._closed = True
        if self._reopening is not None:
            self._reopening.cancel()
            await asyncio.wait([self._reopening])
        media, self.media, self._feed = self.media, None, None
        if media is not None:
            await media.close()
        # One after the other and each for itself: a failure must not keep the next from being removed.
        if reason is None:
            await quietly(self._ari.go_on(self.channel_id))
        else:
            await quietly(self._ari.hangup(self.channel_id, reason))
        if media is not None:
            await quietly(self._ari.hangup(media.channel_id))
        if self._disposals:
            await asyncio.wait(self._disposals)
        await quietly(self._ari.destroy_bridge(self.bridge_id))

    async def _attach(self, *others: str) -> None:
        """Open a media channel and put it into the bridge, with `others`."""
        self.media_opened += 1
        # Each has an id of its own: Asterisk must never be asked for one that it may still hold.
        media_id = self._media_id + (f"-{self.media_opened}" if self.media_opened > 1 else "")
        media = self.media = await self._open_media(
            media_id,
            on_frame=self._on_frame,
            on_event=self._on_event,
            on_closed=partial(self._lost, media_id),
        )
        try:
            await self._ari.add_channels(self.bridge_id, *others, media_id)
            if media.closed:
                raise PbxError(f"The media channel {media_id} was lost at once.")
        except BaseException:
            self.media = None
            await self._dispose(media)
            raise
        self._feed = Feed(media)
        self._opened_at = asyncio.get_running_loop().time()

    def _lost(self, media_id: str, reason: str) -> None:
        media = self.media
        if self._closed or media is None or media.channel_id != media_id:
            return
        self.media = self._feed = None
        if self._opened_at is None or self._reopening is not None:  # `_attach` is about to see it for itself
            return
        log.warning("the media channel %s was lost (%s) and is opened again", media_id, reason)
        if asyncio.get_running_loop().time() - self._opened_at > STEADY_S:
            self._tries = 0
        self._reopening = asyncio.create_task(self._reopen(reason), name=f"reopening {media_id}")
        disposal = asyncio.create_task(self._dispose(media), name=f"disposing of {media_id}")
        self._disposals.add(disposal)
        disposal.add_done_callback(self._disposals.discard)

    async def _reopen(self, reason: str) -> None:
        try:
            async with asyncio.timeout(GIVE_UP_S):
                while self.media is None:
                    await asyncio.sleep(PAUSES_S[min(self._tries, len(PAUSES_S) - 1)])
                    self._tries += 1
                    try:
                        await self._attach()
                    except PbxError as error:
                        log.info("%s", error)
        except TimeoutError:
            self._give_up(f"{reason}; it could not be opened again within {GIVE_UP_S:g} s")
            return
        except Exception as error:  # nobody awaits this task: a fault left to it would be a call that is up and silent
            log.exception("opening the media channel of %s again failed", self.channel_id)
            self._give_up(f"{reason}; opening it again failed: {type(error).__name__}: {error}")
            return
        finally:
            self._reopening = None
        log.warning("the media channel of %s is back", self.channel_id)

    def _give_up(self, reason: str) -> None:
        self.deaf = True
        self._on_lost(reason)

    async def _dispose(self, media: MediaChannel) -> None:
        """Asterisk ends the channel with its socket, where it can still be told."""
        await media.close()
        await quietly(self._ari.hangup(media.channel_id))


async def quietly(request: Awaitable[None]) -> None:
    """Await what may fail, in cleaning up: its failure is logged and keeps nothing else from being done."""
    try:
        await request
    except PbxError as error:
        log.warning("while cleaning up: %s", error)
