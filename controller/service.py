"""The call process: Asterisk's events in, interpreted calls out. It puts the parts together and owns their lives."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack

import aiohttp

from controller.api.link import ApiLink
from controller.audio.mix import Ducker
from controller.audio.vad import Endpointer, WebRtcDetector
from controller.engines import Engines
from controller.engines.registry import make_all
from controller.errors import DragomanError, EngineError, PbxError, StackError
from controller.languages import VARIABLES, Spoken, choose
from controller.messages import Reason
from controller.observer import Observer, Observers
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import CallStarted, ChannelEnded, Event, Lost, Reconnected
from controller.pbx.ari_ids import PREFIX
from controller.pbx.call import Call, Ended, sweep
from controller.pbx.registry import Registry
from controller.pipeline.conversation import Conversation, SpeechSettings, Tap
from controller.recovery.watchdog import Watchdog
from controller.settings import Settings
from controller.telemetry.figures import Figures
from controller.telemetry.metrics import Registry as Metrics
from controller.ticker import Ticker
from controller.triton.client import TritonClient

log = logging.getLogger(__name__)

SNAPSHOT_S = 1.0
"""How often the API process is told."""

_REASONS = {"a": Reason.HANGUP, "b": Reason.HANGUP, "media": Reason.MEDIA_LOST, "pbx": Reason.MEDIA_LOST}


class CallWatcher:
    """Told of whole calls; does nothing here."""

    def began(self, conversation: Conversation) -> None:
        """Both parties are in, and frames flow."""

    def finished(self, conversation: Conversation, ended: Ended) -> None:
        """The call is over and everything is accounted for."""

    def refused(self, call: CallStarted, why: str) -> None:
        """A call was not taken, or did not come about."""


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
        self._observer = Observers([self._figures, *observers])
        self._watcher = watcher or CallWatcher()
        self._tap = tap
        self._with_api = api
        self._registry = Registry(settings.calls.limit)
        self._conversations: set[Conversation] = set()
        self._ticker = Ticker()
        self._lives = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ari: AriClient | None = None
        self._http: aiohttp.ClientSession | None = None
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
            self.api = ApiLink(settings.api.host, settings.api.port)
            self._lives.callback(self.api.close)
        triton = TritonClient(settings.triton.grpc)
        self._lives.push_async_callback(triton.close)
        self._engines = self._engines or make_all(settings.engines, triton, settings.triton)
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
        self._http = aiohttp.ClientSession()
        self._lives.push_async_callback(self._http.close)
        asterisk = settings.asterisk
        self._ari = await AriClient.connect(
            asterisk.url, asterisk.user, asterisk.password.get_secret_value(), asterisk.app, self._on_event
        )
        self._lives.push_async_callback(self._ari.close)
        if strays := await sweep(self._ari):
            log.warning("%d channels of an earlier run were still up and have been hung up", strays)
        self._run(self._ticker.run(), "ticker")
        if self.api is not None:
            self._run(self._tell_api(self.api), "api")

    async def stop(self) -> None:
        """Refuse new calls, end those that are up, let go of everything."""
        self._registry.draining = True
        for call in self._registry:
            call.end(Ended("service", "the service stops"))
        calls = [task for task in self._tasks if task.get_name().startswith(PREFIX)]
        if calls:
            await asyncio.wait(calls, timeout=10)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._lives.aclose()

    async def _on_event(self, event: Event) -> None:
        match event:
            case CallStarted() if not event.channel_id.startswith(PREFIX):
                self._run(self._take(event), f"{PREFIX}{event.channel_id}")
            case CallStarted():  # one of ours that nobody waits for: its call was given up the moment it was answered
                await self._hang_up(event.channel_id, "normal")
            case ChannelEnded():
                if call := self._registry.with_channel(event.channel_id):
                    call.channel_ended(event)
            case Lost():
                log.error("Asterisk's events are lost (%s); calls go on, new ones cannot be taken", event.reason)
            case Reconnected():
                log.warning("Asterisk's events are back")

    async def _take(self, started: CallStarted) -> None:
        assert self._ari is not None and self._http is not None and self._engines is not None
        try:
            languages = await self._languages(self._ari, started)
        except PbxError as error:
            await self._refuse(started, str(error), "congestion")
            return
        dial = started.options.get("dial", "")
        refusal = (
            self._engines.refusal(languages["a"].language, languages["b"].language)
            or self._engines.refusal(languages["b"].language, languages["a"].language)
            or ("" if dial else "The dialplan names nobody to call: it must pass dial=PJSIP/... to Stasis().")
        )
        if refusal or self._registry.full:
            limit = f"The limit of {self._settings.calls.limit} calls is reached."
            why = refusal or ("The service is stopping." if self._registry.draining else limit)
            await self._refuse(started, why, "rejected" if refusal else "busy")
            return
        name = f"{self._settings.asterisk.app}-{secrets.token_hex(4)}"
        call = Call(self._ari, self._http, name, started.channel_id)
        self._registry.add(call)
        try:
            await self._interpret(call, dial, languages)
        except PbxError as error:
            self._figures.calls_total.add("failed")
            log.warning("call %s: %s", call.name, error)
            self._watcher.refused(started, str(error))
        finally:
            await call.clean_up()
            self._registry.remove(call)
            self._figures.calls.set(len(self._registry))

    async def _languages(self, ari: AriClient, started: CallStarted) -> dict[str, Spoken]:
        """What the two sides speak, as far as it is known before they have said anything."""
        variables = {name: await ari.variable(started.channel_id, name) for name in VARIABLES.values()}
        settings = self._settings
        return choose(started.options, variables, started.caller, started.extension, settings.calls, settings.languages)

    async def _refuse(self, started: CallStarted, why: str, reason: str) -> None:
        self._figures.calls_total.add("refused")
        log.warning("a call from %s is refused: %s", started.caller or "an unknown number", why)
        self._watcher.refused(started, why)
        await self._hang_up(started.channel_id, reason)

    async def _hang_up(self, channel_id: str, reason: str) -> None:
        assert self._ari is not None
        try:
            await self._ari.hangup(channel_id, reason)
        except PbxError as error:
            log.warning("%s", error)

    async def _interpret(self, call: Call, dial: str, languages: dict[str, Spoken]) -> None:
        assert self._engines is not None
        await call.connect(dial, self._settings.asterisk.ring_s)
        conversation = Conversation(
            call.name,
            self._engines,
            self._speech_settings(),
            self._ticker,
            self._observer,
            self._tap,
            on_fault=lambda: call.end(Ended("service", "a fault in its tick")),
        )
        self._conversations.add(conversation)
        ended = Ended("service", "the service stops")
        try:
            call.start(
                lambda name, party: conversation.join(name, languages[name].language, party, languages[name].candidates)
            )
            self._figures.calls.set(len(self._registry))
            self._watcher.began(conversation)
            log.info("call %s is up: %s <-> %s", call.name, *(_told(one) for one in languages.values()))
            ended = await call.ended
        finally:
            self._conversations.discard(conversation)
            balance = await conversation.close(_REASONS.get(ended.by, Reason.RESTART))
            self._figures.calls_total.add(ended.by)
            log.info(
                "call %s ended (%s: %s): %d deliveries, %d played, %d dropped",
                call.name,
                ended.by,
                ended.detail,
                balance.opened,
                balance.played,
                balance.dropped.total(),
            )
            self._watcher.finished(conversation, ended)

    def _speech_settings(self) -> SpeechSettings:
        vad, playback = self._settings.vad, self._settings.playback
        return SpeechSettings(
            make_endpointer=lambda: Endpointer(
                WebRtcDetector(vad.mode),
                endpoint_ms=vad.endpoint_ms,
                pause_ms=vad.pause_ms,
                preroll_ms=vad.preroll_ms,
                max_utterance_s=vad.max_utterance_s,
            ),
            make_ducker=lambda: Ducker(duck_db=playback.duck_db, ramp_ms=playback.ramp_ms),
        )

    async def _tell_api(self, api: ApiLink) -> None:
        while True:
            self._figures.queues(self._conversations)
            api.send(self.ready, self._metrics.snapshot())
            if not api.alive:
                log.error("the API process has ended: health and metrics are not served any more; calls go on")
                return
            await asyncio.sleep(SNAPSHOT_S)

    def _run(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            level = logging.ERROR if isinstance(error, DragomanError) else logging.CRITICAL
            log.log(level, "%s failed", task.get_name(), exc_info=error)


def _told(spoken: Spoken) -> str:
    return f"{spoken.language} ({spoken.known.value})"
