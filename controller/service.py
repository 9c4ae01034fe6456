"""The call process: Asterisk's events in, interpreted calls out. It puts the parts together and owns their lives."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack
from functools import partial

from controller.api import keeping, speaking
from controller.api.link import ApiLink
from controller.calls import Calls
from controller.engines import Engines
from controller.engines.registry import kinds_and_names, make_all
from controller.engines.tts import clones
from controller.enrolment.enrolments import Enrolments
from controller.errors import DragomanError, EngineError, StackError
from controller.interpreting import CallWatcher, Interpreting
from controller.observer import Observer, Observers
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import CallStarted, ChannelEnded, Dtmf, Event, Held, Lost, Reconnected, Replaced
from controller.pbx.ari_ids import PREFIX
from controller.pbx.audiosocket import AudioSocketServer
from controller.pbx.call import sweep
from controller.pbx.media import open_media
from controller.pbx.party import OpenMedia
from controller.pipeline.conversation import Tap
from controller.recovery.watchdog import Watchdog
from controller.settings import Settings
from controller.telemetry.calls import CallFigures
from controller.telemetry.figures import Figures
from controller.telemetry.first_audio import FirstAudio
from controller.telemetry.journal import Journal
from controller.telemetry.metrics import Registry as Metrics
from controller.telemetry.targets import Targets
from controller.telemetry.voices import VoiceFigures
from controller.ticker import Ticker
from controller.triton.client import TritonClient
from controller.voices.opening import Voices, voices_of

log = logging.getLogger(__name__)

SNAPSHOT_S = 1.0
"""How often the API process is told."""


class Service:
    """Takes calls from `start` to `stop`."""

    def __init__(
        self,
        settings: Settings,
        *,
        observers: Iterable[Observer] = (),
        watcher: CallWatcher | None = None,
        tap: Tap | None = None,
        api: bool = True,
        engines: Engines | None = None,
    ) -> None:
        """`engines`: others than those that the settings name, for tests and benches."""
        self._settings = settings
        self._metrics = Metrics()
        self._figures = Figures(self._metrics)
        self._call_figures = CallFigures()
        self._first_audio = FirstAudio()
        watching = [
            self._figures,
            self._call_figures,
            self._first_audio,
            Targets(self._metrics),
            VoiceFigures(self._metrics),
            Journal(),
        ]
        self._observer = Observers([*watching, *observers])
        self._watcher = watcher or CallWatcher()
        self._tap = tap
        self._with_api = api
        self._ticker = Ticker()
        self._lives = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ari: AriClient | None = None
        self._interpreting: Interpreting | None = None
        self._calls: Calls | None = None
        self._ready = asyncio.Event()
        """Set once everything stands: a call that comes while we start waits, and is not taken for a stray."""
        self._engines = engines
        self._watchdog: Watchdog | None = None
        self.api: ApiLink | None = None

    @property
    def ready(self) -> dict[str, bool]:
        """What works at this moment, part by part."""
        engines = self._watchdog.healthy if self._watchdog else {}
        return {"asterisk": self._ari is not None and self._ari.connected, **engines}

    async def start(self) -> None:
        """Reach everything, then take calls; Asterisk is subscribed last.

        Raises:
            DragomanError: one sentence saying what is wrong or cannot be reached.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        settings = self._settings
        if self._with_api:
            token = settings.api.token.get_secret_value()
            self.api = ApiLink(
                settings.api.host, settings.api.port, token, speaking.hand_over(settings), keeping.hand_over(settings)
            )
            self._lives.callback(self.api.close)
        triton = TritonClient(settings.triton.grpc)
        self._lives.push_async_callback(triton.close)
        self._engines = self._engines or make_all(
            settings.engines, triton, settings.triton, settings.fallback, metrics=self._metrics, lives=self._lives
        )
        self._figures.calls_limit.set(settings.calls.limit)
        for kind, name in kinds_and_names(settings.engines, settings.fallback):
            self._figures.expect(kind, name)
        if refusal := self._engines.refusal(settings.calls.source, settings.calls.target):
            raise StackError(f"The default languages cannot be interpreted: {refusal}")
        self._watchdog = Watchdog(self._engines, triton)
        try:
            await self._watchdog.first_probe()
        except EngineError as error:
            raise StackError(
                f"An engine does not work (Triton is expected at {settings.triton.grpc}): {error}"
            ) from error
        self._run(self._watchdog.run(), "watchdog")
        voices = await self._voices(triton)
        own_voices = voices.on_calls() if voices and clones(self._engines.tts) else None
        self._interpreting = Interpreting(
            settings,
            self._engines,
            ticker=self._ticker,
            observer=self._observer,
            figures=self._figures,
            watcher=self._watcher,
            tap=self._tap,
            own_voices=own_voices,
        )
        asterisk = settings.asterisk
        self._ari = await AriClient.connect(
            asterisk.url, asterisk.user, asterisk.password.get_secret_value(), asterisk.app, self._on_event
        )
        self._lives.push_async_callback(self._ari.close)
        keeper = voices.keeper if voices else None
        enrolments = Enrolments(keeper, self._engines.tts, self._ticker, self._metrics)
        self._calls = Calls(settings, self._interpreting, self._ari, await self._media(self._ari), enrolments)
        if strays := await sweep(self._ari):
            log.warning("%d channels of an earlier run were still up and have been hung up", strays)
        self._run(self._ticker.run(), "ticker")
        self._run(self._sample(self.api), "sampling")
        if self.api is not None:
            self.api.listen(self._calls.end)
        self._ready.set()

    async def _voices(self, triton: TritonClient) -> Voices | None:
        """Those that are kept; None where none are."""
        if not self._settings.voices.store:
            return None
        voices = voices_of(self._settings.voices, triton)
        await voices.library.open()
        self._lives.push_async_callback(voices.library.close)
        return voices

    async def _media(self, ari: AriClient) -> OpenMedia:
        """What opens media channels, by the settings."""
        asterisk = self._settings.asterisk
        if asterisk.media == "audiosocket":
            server = AudioSocketServer(ari)
            await server.start(asterisk.audiosocket_host, asterisk.audiosocket_port)
            self._lives.push_async_callback(server.close)
            return server.open
        return partial(open_media, ari)

    async def drain(self) -> None:
        """Refuse new calls, and new work on the API, until those that are up have ended or the limit is reached.

        What is left then is `stop`'s to end.
        """
        if self._calls is None:
            return
        self._calls.refuse_new()
        self._tell(self.api)
        registry, limit_s = self._calls.registry, self._settings.calls.drain_s
        log.warning("told to stop: no new calls; waiting up to %g s for %d to end", limit_s, len(registry))
        try:
            async with asyncio.timeout(limit_s):
                await registry.empty()
        except TimeoutError:
            log.warning("%d calls are still up after %g s: they are ended now", len(registry), limit_s)

    async def stop(self) -> None:
        """Refuse new calls, end those that are up, let go of everything."""
        if self._calls is not None:
            self._calls.stop()
        calls = [task for task in self._tasks if task.get_name().startswith(PREFIX)]
        if calls:
            await asyncio.wait(calls, timeout=10)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._lives.aclose()

    async def _on_event(self, event: Event) -> None:
        await self._ready.wait()
        assert self._calls is not None
        match event:
            case CallStarted() if not event.channel_id.startswith(PREFIX):
                self._run(self._calls.take(event), f"{PREFIX}{event.channel_id}")
            case CallStarted():  # one of ours that nobody waits for: its call was given up the moment it was answered
                await self._calls.hang_up(event.channel_id, "normal")
            case ChannelEnded() | Held() | Dtmf() | Replaced():
                await self._calls.tell(event)
            case Lost():
                log.error("Asterisk's events are lost (%s); calls go on, new ones cannot be taken", event.reason)
            case Reconnected():
                log.warning("Asterisk's events are back")
                self._calls.missed_events()

    async def _sample(self, api: ApiLink | None) -> None:
        """Every second, the API process for as long as there is one."""
        while True:
            self._tell(api)
            if api is not None and not api.alive:
                log.error("the API process has ended: health and metrics are not served any more; calls go on")
                api = None
            await asyncio.sleep(SNAPSHOT_S)

    def _tell(self, api: ApiLink | None) -> None:
        """Look at the calls that are up, and forget the others; tell the API process, where there is one."""
        live = self._interpreting.conversations if self._interpreting else set()
        self._figures.sample(live)
        self._figures.ready(self.ready)
        calls = self._call_figures.snapshot(live)
        if api is not None:
            draining = self._calls is not None and self._calls.registry.draining
            api.send(self.ready, self._metrics.snapshot(), calls, self._first_audio.told(), draining)

    def _run(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            level = logging.ERROR if isinstance(error, DragomanError) else logging.CRITICAL
            log.log(level, "%s failed", task.get_name(), exc_info=error)


def settle() -> None:
    """What is there stays, and no garbage collection looks at it again: one that did would take 50 ms, two ticks and a
    half. For a process whose calls are about to begin."""
    gc.collect()
    gc.freeze()
