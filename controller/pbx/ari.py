"""Our connection to Asterisk's REST interface, over aioari: typed events in, channels of our making out.

Knows channels and the event socket; knows nothing of calls, audio or languages. All waits end.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import aioari
import aiohttp

from controller.errors import PbxError
from controller.pbx.ari_events import (
    ApplicationReplaced,
    CallStarted,
    ChannelEnded,
    Event,
    Lost,
    Reconnected,
    Replaced,
    parse,
)
from controller.pbx.ari_http import AriHttp, Refused, refused_with
from controller.pbx.ari_ids import check_free
from controller.pbx.ari_requests import REQUEST_S, AriRequests

log = logging.getLogger(__name__)

Handler = Callable[[Event], Awaitable[None]]
"""Called for every event in a task of its own: the tasks begin in the order of the events, and one may wait
for what a later event brings."""

FIRST_BACKOFF_S: Final = 0.1
LONGEST_BACKOFF_S: Final = 5.0

_CLOSED: Final = "Asterisk closed the event socket"


class AriClient(AriRequests):
    """One Stasis application's connection. Make it with `connect`, leave it with `close`."""

    def __init__(self, url: str, user: str, password: str, app: str, handler: Handler) -> None:
        super().__init__(url)
        self.app = app
        self.connected = False
        """Whether events arrive at this moment."""
        self._handler = handler
        self._http = AriHttp(self.url, user, password)
        self._awaited: dict[str, asyncio.Future[CallStarted]] = {}
        self._known: set[str] = set()
        """Channels that have entered the application, or were made for it, and have not ended."""
        self._making: set[str] = set()
        """Channels whose making has not been answered yet."""
        self._replaced = False
        self._lost = asyncio.Event()
        self._stream: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def connect(
        cls, url: str, user: str, password: str, app: str, handler: Handler, *, timeout_s: float = REQUEST_S
    ) -> AriClient:
        """Subscribe `app` to its events; from then on it stays subscribed, reconnecting when it must.

        Args:
            url: Asterisk's HTTP server, such as `http://127.0.0.1:8088/`.
        Raises:
            PbxError: Asterisk cannot be reached, refuses the user, or takes longer than `timeout_s` seconds.
        """
        self = cls(url, user, password, app, handler)
        try:
            async with asyncio.timeout(timeout_s):
                self._client = aioari.Client(self.url, self._http)
                await self._learn()
                self._client.on_event("*", self._on_event)
                await self._subscribe()
        except (Refused, OSError, aiohttp.ClientError, TimeoutError) as error:
            await self.close()
            raise self._unreachable(error) from error
        except BaseException:
            await self.close()
            raise
        self._keeper = asyncio.create_task(self._keep_subscribed(), name="ari-keeper")
        self._keeper.add_done_callback(self._handled)
        return self

    async def close(self) -> None:
        """Stop everything. Channels and bridges in Asterisk stay as they are; handlers are cancelled."""
        tasks = [task for task in (self._keeper, self._stream, *self._tasks) if task is not None]
        mine = [task for task in tasks if task is not asyncio.current_task()]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)
        self.connected = False
        self._fail_awaited("the connection to Asterisk was closed")
        await self._http.close()

    # Channels of ours

    async def originate(
        self,
        endpoint: str,
        channel_id: str,
        *,
        originator: str | None = None,
        args: str = "",
        caller_id: str | None = None,
        timeout_s: int = 30,
    ) -> None:
        """Call `endpoint` on a new channel called `channel_id`. Returns while it rings: await `started` next.

        Args:
            originator: the channel this call is made for: it lends its codecs and identity.
            args: arguments of the application for this channel, `key=value` joined by commas.
            timeout_s: seconds until an unanswered call is given up by Asterisk.
        """
        await self._make(
            channel_id,
            "originate",
            endpoint=endpoint,
            appArgs=args,
            originator=originator,
            callerId=caller_id,
            timeout=timeout_s,
        )

    async def external_media(self, channel_id: str) -> str:
        """A channel whose audio is a web socket that Asterisk listens for: slin16, JSON events.

        Returns the connection id: the socket is `/media/<connection id>`. Connecting to it answers the
        channel: await `started` after that, and put it into a bridge only then.
        """
        made = await self._make(
            channel_id,
            "externalMedia",
            format="slin16",
            encapsulation="none",
            transport="websocket",
            connection_type="server",
            transport_data="f(json)",
        )
        try:
            return str(made["channelvars"]["MEDIA_WEBSOCKET_CONNECTION_ID"])
        except (KeyError, TypeError):
            await self.hangup(channel_id)
            raise PbxError("Asterisk named no media socket: chan_websocket of 22.8 or newer is needed.") from None

    async def external_audiosocket(self, channel_id: str, address: str, name: str) -> None:
        """A channel whose audio is a TCP connection that Asterisk opens to `address` (host:port): slin16.

        It answers itself: await the connection that gives `name`, a UUID, and then `started`.
        """
        await self._make(
            channel_id,
            "externalMedia",
            format="slin16",
            encapsulation="audiosocket",
            transport="tcp",
            external_host=address,
            data=name,
        )

    async def started(self, channel_id: str, timeout_s: float = 10.0) -> CallStarted:
        """Wait until a channel made by `originate` or `external_media` is in the application.

        Raises:
            PbxError: it ended instead (busy, refused, not answered), events were lost, or it took too long.
        """
        waiter = self._awaited.get(channel_id)
        if waiter is None:
            raise PbxError(f"No start of channel {channel_id} is awaited: make the channel first.")
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(waiter)
        except TimeoutError:
            raise PbxError(f"Channel {channel_id} was not up within {timeout_s:g} s.") from None
        finally:
            self.forget(channel_id)

    def forget(self, channel_id: str) -> None:
        """Await the channel's start no longer."""
        waiter = self._awaited.pop(channel_id, None)
        if waiter is not None and not waiter.cancel() and not waiter.cancelled():
            waiter.exception()  # taken note of

    async def _make(self, channel_id: str, operation: str, **parameters: Any) -> Any:
        """Make a channel. Its start is awaited from before the request: it may come before the answer."""
        check_free(channel_id, self._known, self._making)
        self._awaited[channel_id] = asyncio.get_running_loop().create_future()
        self._known.add(channel_id)
        self._making.add(channel_id)
        try:
            return await self._call("channels", operation, app=self.app, channelId=channel_id, **parameters)
        except BaseException as error:
            self.forget(channel_id)
            if not (isinstance(error, PbxError) and refused_with(error)):
                try:  # it may have been made before the answer was lost
                    await self.hangup(channel_id)
                except PbxError:  # then it may be there still: the id stays taken
                    raise error from None
            self._known.discard(channel_id)
            raise
        finally:
            self._making.discard(channel_id)

    # Events

    async def _subscribe(self) -> None:
        """Open the event socket and read it in a task; return once it is open."""
        opened = self._http.next_socket()
        self._stream = asyncio.create_task(self._client.run(apps=self.app), name="ari-events")
        self._stream.add_done_callback(self._stream_ended)
        await asyncio.wait({opened, self._stream}, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            await self._stream  # raises why
            raise PbxError(f"{_CLOSED} at once: look into its log.")
        self._lost.clear()
        self.connected = True

    def _stream_ended(self, stream: asyncio.Task[None]) -> None:
        if not stream.cancelled() and (error := stream.exception()) is not None:
            log.debug("the ARI event socket ended: %r", error)
        self._lost.set()

    async def _keep_subscribed(self) -> None:
        while True:
            await self._lost.wait()
            self.connected = False
            reason = "another program has subscribed the same application" if self._replaced else _CLOSED
            self._fail_awaited(reason)
            self._deliver(Lost(reason))
            if self._replaced:  # to take it back would start a quarrel that no call survives
                return
            await self._resubscribe()

    async def _resubscribe(self) -> None:
        backoff_s = FIRST_BACKOFF_S
        while True:
            try:
                async with asyncio.timeout(REQUEST_S):
                    await self._subscribe()
                channels, bridges = await self.channels(), await self.bridges()
            except (Refused, PbxError, OSError, aiohttp.ClientError, TimeoutError) as error:
                log.info("Asterisk's events are still away: %s", error)
                await self._drop_stream()
                await asyncio.sleep(backoff_s * random.uniform(0.5, 1))
                backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)
                continue
            break
        # What happened meanwhile is not told again.
        for channel_id in self._known - set(channels):
            self._end(ChannelEnded(channel_id, None, "ended while events were lost"))
        self._deliver(Reconnected(tuple(channels), tuple(bridges)))

    async def _drop_stream(self) -> None:
        self.connected = False
        if self._stream is not None:
            self._stream.cancel()
            with suppress(asyncio.CancelledError, Refused, OSError, aiohttp.ClientError):
                await self._stream

    def _on_event(self, message: dict[str, Any]) -> None:
        """Called by aioari inside its read loop: it must only sort, never wait."""
        event = parse(message)
        if isinstance(event, CallStarted):
            self._known.add(event.channel_id)
            waiter = self._awaited.get(event.channel_id)
            if waiter is not None:
                if not waiter.done():
                    waiter.set_result(event)
                return
            self._deliver(event)
        elif isinstance(event, ChannelEnded):
            self._end(event)
        elif isinstance(event, Replaced):
            self._known.add(event.by)
            self._deliver(event)
        elif isinstance(event, ApplicationReplaced):
            self._replaced = True
            self._lost.set()
        elif event is not None:
            self._deliver(event)

    def _end(self, event: ChannelEnded) -> None:
        """Deliver a channel's end once: Asterisk tells it in two ways, sometimes in only one of them."""
        if event.channel_id not in self._known:
            return
        self._known.discard(event.channel_id)
        self._fail(self._awaited.get(event.channel_id), f"Channel {event.channel_id} ended: {event.reason}.")
        self._deliver(event)

    def _deliver(self, event: Event) -> None:
        task = asyncio.create_task(self._handle(event), name=f"the handler of {type(event).__name__}")
        self._tasks.add(task)
        task.add_done_callback(self._handled)

    async def _handle(self, event: Event) -> None:
        await self._handler(event)

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", task.get_name(), exc_info=error)

    def _fail(self, waiter: asyncio.Future[CallStarted] | None, why: str) -> None:
        if waiter is not None and not waiter.done():
            waiter.set_exception(PbxError(why))
            waiter.exception()  # seen, also where no one comes to wait

    def _fail_awaited(self, why: str) -> None:
        for channel_id, waiter in self._awaited.items():
            self._fail(waiter, f"Channel {channel_id} cannot be awaited: {why}.")
