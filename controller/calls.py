"""The life of interpreted calls: taken or refused, connected, interpreted, ended, accounted for.

Joins what Asterisk does (`pbx`) to what is done with the sound (`pipeline`); neither knows the other.
"""

from __future__ import annotations

import asyncio
import logging
import secrets

from controller.admission import Refusal, refusal
from controller.audio.mix import Ducker
from controller.audio.vad import Endpointer, WebRtcDetector
from controller.engines import Engines
from controller.errors import PbxError
from controller.languages import VARIABLES, Spoken, choose
from controller.messages import Reason
from controller.observer import Observer
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import CallStarted, ChannelEnded, Dtmf, Held
from controller.pbx.call import Call, Dialled, Ended
from controller.pbx.party import OpenMedia
from controller.pbx.registry import Registry
from controller.pipeline.conversation import Conversation, SpeechSettings, Tap
from controller.settings import Settings
from controller.telemetry.figures import Figures
from controller.ticker import Ticker

log = logging.getLogger(__name__)

_REASONS = {"a": Reason.HANGUP, "b": Reason.HANGUP, "media": Reason.MEDIA_LOST, "pbx": Reason.MEDIA_LOST}


class CallWatcher:
    """Told of whole calls; does nothing here."""

    def began(self, conversation: Conversation) -> None:
        """Both parties are in, and frames flow."""

    def finished(self, conversation: Conversation, ended: Ended) -> None:
        """The call is over and everything is accounted for."""

    def refused(self, call: CallStarted, why: str) -> None:
        """A call was not taken, or did not come about."""


class Calls:
    """All calls of a service."""

    def __init__(
        self,
        settings: Settings,
        engines: Engines,
        ari: AriClient,
        open_media: OpenMedia,
        *,
        ticker: Ticker,
        observer: Observer,
        figures: Figures,
        watcher: CallWatcher,
        tap: Tap | None = None,
    ) -> None:
        self.registry = Registry(settings.calls.limit)
        self.conversations: set[Conversation] = set()
        self._settings = settings
        self._engines = engines
        self._ari = ari
        self._open_media = open_media
        self._ticker = ticker
        self._observer = observer
        self._figures = figures
        self._watcher = watcher
        self._tap = tap

    def stop(self) -> None:
        """Take no new calls, and end those that are up."""
        self.registry.draining = True
        for call in self.registry:
            call.end(Ended("service", "the service stops"))

    async def tell(self, event: ChannelEnded | Held | Dtmf) -> None:
        """Something happened on a channel."""
        if call := self.registry.with_channel(event.channel_id):
            await call.tell(event)

    async def take(self, started: CallStarted) -> None:
        """A call came in: from here to its end."""
        try:
            spoken = await self._languages(started)
        except PbxError as error:
            await self._refuse(started, Refusal(str(error), "congestion"))
            return
        source, target = (one.language for one in spoken.values())
        if no := refusal(started, source, target, self._settings.calls, self._engines, self.registry):
            await self._refuse(started, no)
            return
        name = f"{self._settings.asterisk.app}-{secrets.token_hex(4)}"
        call = Dialled(self._ari, self._open_media, name, started.channel_id)
        self.registry.add(call)
        try:
            await call.connect(started.options["dial"], self._settings.asterisk.ring_s)
            await self._interpret(call, spoken)
        except PbxError as error:
            self._figures.calls_total.add("failed")
            log.warning("call %s: %s", call.name, error)
            self._watcher.refused(started, str(error))
        finally:
            await call.clean_up()
            self.registry.remove(call)
            self._figures.calls.set(len(self.registry))

    async def hang_up(self, channel_id: str, reason: str) -> None:
        """End a channel that belongs to no call."""
        try:
            await self._ari.hangup(channel_id, reason)
        except PbxError as error:
            log.warning("%s", error)

    async def _languages(self, started: CallStarted) -> dict[str, Spoken]:
        """What the two sides speak, as far as it is known before they have said anything."""
        values = await asyncio.gather(*(self._ari.variable(started.channel_id, name) for name in VARIABLES.values()))
        variables = dict(zip(VARIABLES.values(), values, strict=True))
        settings = self._settings
        return choose(started.options, variables, started.caller, started.extension, settings.calls, settings.languages)

    async def _refuse(self, started: CallStarted, no: Refusal) -> None:
        self._figures.calls_total.add("refused")
        log.warning("a call from %s is refused: %s", started.caller or "an unknown number", no.why)
        self._watcher.refused(started, no.why)
        await self.hang_up(started.channel_id, no.reason)

    async def _interpret(self, call: Dialled, spoken: dict[str, Spoken]) -> None:
        conversation = self._converse(call)
        ended = Ended("service", "the service stops")
        try:
            call.start(
                lambda name, party: conversation.join(name, spoken[name].language, party, spoken[name].candidates)
            )
            self._watcher.began(conversation)
            log.info("call %s is up: %s", call.name, " <-> ".join(_told(one) for one in spoken.values()))
            ended = await call.ended
        finally:
            await self._finish(conversation, ended)

    def _converse(self, call: Call) -> Conversation:
        conversation = Conversation(
            call.name,
            self._engines,
            self._speech_settings(),
            self._ticker,
            self._observer,
            self._tap,
            on_fault=lambda: call.end(Ended("service", "a fault in its tick")),
        )
        self.conversations.add(conversation)
        self._figures.calls.set(len(self.registry))
        return conversation

    async def _finish(self, conversation: Conversation, ended: Ended) -> None:
        self.conversations.discard(conversation)
        balance = await conversation.close(_REASONS.get(ended.by, Reason.RESTART))
        self._figures.calls_total.add(ended.by)
        log.info(
            "call %s ended (%s: %s): %d deliveries, %d played, %d dropped",
            conversation.call,
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
            controls=self._settings.calls.controls,
        )


def _told(spoken: Spoken) -> str:
    return f"{spoken.language} ({spoken.known.value})"
