"""Calls in this process, on real web sockets to the exchange. All of it is the product's own from the arrival of a call
to its accounts; only what it asks of Asterisk's REST interface is answered here, at once and always well.
"""

from __future__ import annotations

import asyncio
import mmap
from collections.abc import Callable
from contextlib import nullcontext
from itertools import count
from typing import Any, Self

from controller.calls import Calls
from controller.engines import Engines
from controller.enrolment.enrolments import Enrolments
from controller.frames import Pcm
from controller.interpreting import CallWatcher, Interpreting
from controller.observer import Observer
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import CallStarted, ChannelEnded, Event
from controller.pbx.media import MediaEvent, MediaSocket, open_media
from controller.pipeline.conversation import Conversation
from controller.settings import CallSettings, Settings
from controller.telemetry.figures import Figures
from controller.telemetry.metrics import Registry as Metrics
from loadtest.frames.exchange import CHANNELS, RING
from loadtest.frames.gauges import Gauges, WatchedTicker, watched_queues

WATCHED = 5
"""One call in so many has a stop watch at its queues: in all of them they were a tenth of the cost, by a profile."""


class _Ari(AriClient):
    """An Asterisk that does all it is asked."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "", "", "bench", _ignore)
        self.numbers: dict[str, int] = {}
        """The number of each media channel in the exchange."""

    async def _call(self, resource: str, operation: str, *, gone_is_fine: bool = False, **parameters: Any) -> Any:
        return {"value": ""}

    async def _make(self, channel_id: str, operation: str, **parameters: Any) -> Any:
        return {}

    async def external_media(self, channel_id: str) -> str:
        return str(self.numbers[channel_id])

    async def started(self, channel_id: str, timeout_s: float = 10.0) -> CallStarted:
        return CallStarted(channel_id, "", "", "", ())


async def _ignore(event: Event) -> None:
    return None


class _Watcher(CallWatcher):
    """Keeps the conversations, and has them watched."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self.conversations: list[Conversation] = []
        self.changed = asyncio.Event()

    def began(self, conversation: Conversation) -> None:
        for leg in conversation.legs.values():
            self._gauges.watch(conversation.call, leg.orchestrator.capture)
        self.conversations.append(conversation)
        self.changed.set()

    def refused(self, call: CallStarted, why: str) -> None:
        raise AssertionError(f"a call of the bench was refused: {why}")


class BenchCalls:
    """A number of calls that are up at the same time."""

    def __init__(
        self, url: str, clock: mmap.mmap, gauges: Gauges, observer: Observer, figures: Figures, engines: Engines
    ) -> None:
        """`url`: where the exchange listens; `clock`: its file of sending times."""
        self.sockets: list[MediaSocket] = []
        self.watched = 0
        """Calls whose queues have a stop watch."""
        self._clock = memoryview(clock).cast("d")
        self._gauges = gauges
        self._ticker = WatchedTicker(gauges)
        self._watcher = _Watcher(gauges)
        self._ari = _Ari(url)
        settings = Settings(calls=CallSettings(limit=CHANNELS))
        interpreting = Interpreting(
            settings,
            engines,
            ticker=self._ticker,
            observer=observer,
            figures=figures,
            watcher=self._watcher,
        )
        enrolments = Enrolments(None, engines.tts, self._ticker, Metrics())  # nobody enrols here
        self._calls = Calls(settings, interpreting, self._ari, self._open_media, enrolments)
        self._taken: list[asyncio.Task[None]] = []
        self._numbers = {"a": count(0, 2), "b": count(1, 2)}
        """Even for callers, odd for the called: they say different things."""

    @property
    def conversations(self) -> list[Conversation]:
        """Those that have begun."""
        return self._watcher.conversations

    async def __aenter__(self) -> Self:
        self._ticking = asyncio.create_task(self._ticker.run())
        return self

    async def __aexit__(self, *error: object) -> None:
        for number in range(len(self._taken)):
            await self._calls.tell(ChannelEnded(f"caller-{number}", 16, "hung up"))
        await asyncio.gather(*self._taken)
        self._ticking.cancel()
        await asyncio.wait([self._ticking])
        await self._ari.close()
        self._clock.release()

    async def open(self, channels: int) -> None:
        """Put calls up until there are `channels` / 2."""
        for number in range(len(self._taken), channels // 2):
            self.watched += number % WATCHED == 0
            with nullcontext() if number % WATCHED else watched_queues(self._gauges):
                started = CallStarted(f"caller-{number}", "", "", "", ("from=en", "to=es", "dial=bench"))
                self._taken.append(asyncio.create_task(self._calls.take(started)))
                while len(self.conversations) <= number:
                    self._watcher.changed.clear()
                    await self._watcher.changed.wait()

    @property
    def dropped(self) -> int:
        """Frames that came in or were to go out and did not get through, and ticks that were left out."""
        legs = [leg for conversation in self.conversations for leg in conversation.legs.values()]
        return (
            sum(leg.orchestrator.capture.dropped.total() + leg.frames_out_dropped for leg in legs)
            + sum(socket.counts.dropped_full for socket in self.sockets)
            + sum(conversation.ticks_skipped for conversation in self.conversations)
        )

    @property
    def arrived(self) -> int:
        """Frames that came in."""
        return sum(socket.counts.frames_in for socket in self.sockets)

    async def _open_media(
        self,
        channel_id: str,
        *,
        on_frame: Callable[[Pcm], None],
        on_event: Callable[[MediaEvent], None],
        on_closed: Callable[[str], None],
    ) -> MediaSocket:
        leg = channel_id.split(".")[-2]
        number = self._ari.numbers[channel_id] = next(self._numbers[leg])
        media = await open_media(
            self._ari,
            channel_id,
            on_frame=on_frame if number // 2 % WATCHED else self._watched(number, on_frame),
            on_event=on_event,
            on_closed=on_closed,
        )
        self.sockets.append(media)
        return media

    def _watched(self, number: int, on_frame: Callable[[Pcm], None]) -> Callable[[Pcm], None]:
        gauges, clock, first, arrived = self._gauges, self._clock, number * RING, count()

        def watched(pcm: Pcm) -> None:
            gauges.sent_s = clock[first + next(arrived) % RING]
            on_frame(pcm)

        return watched
