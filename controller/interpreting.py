"""What makes a call an interpreted one: its conversation, from the first participant to the closed accounts.

Knows the pipeline and the settings; knows nothing of channels, nor of who is let in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import NamedTuple

from controller.engines import Engines
from controller.engines.tts.warming import Warming
from controller.flight.recording import Recording, begin
from controller.languages import Spoken
from controller.messages import Reason
from controller.observer import Observer, Observers
from controller.pbx.ari_events import CallStarted
from controller.pbx.call import Call, Ended
from controller.pbx.party import Leg, Party
from controller.pipeline.conversation import Conversation, Tap
from controller.pipeline.speech_settings import discloses, speech_settings
from controller.settings import Settings
from controller.telemetry.figures import Figures
from controller.ticker import Ticker
from controller.voices.on_calls import OwnVoices

log = logging.getLogger(__name__)

_REASONS = {
    "a": Reason.HANGUP,
    "b": Reason.HANGUP,
    "room": Reason.HANGUP,
    "operator": Reason.HANGUP,
    "media": Reason.MEDIA_LOST,
    "pbx": Reason.MEDIA_LOST,
}


def reason_of(ended: Ended) -> Reason:
    """Why what is still due to the participants of a call that has ended is dropped."""
    return _REASONS.get(ended.by, Reason.RESTART)


class Who(NamedTuple):
    """What is known of a participant before they have said anything."""

    spoken: Spoken
    voice: str = ""
    """The profile that they may be the owner of; empty where there is none"""


class CallWatcher:
    """Told of whole calls; does nothing here."""

    def began(self, conversation: Conversation) -> None:
        """Both parties, or the first one of a room, are in, and frames flow."""

    def finished(self, conversation: Conversation, ended: Ended) -> None:
        """The call is over and everything is accounted for."""

    def refused(self, call: CallStarted, why: str) -> None:
        """A call was not taken, or did not come about."""


class Interpreting:
    """The conversations of a service."""

    def __init__(
        self,
        settings: Settings,
        engines: Engines,
        *,
        ticker: Ticker,
        observer: Observer,
        figures: Figures,
        watcher: CallWatcher,
        tap: Tap | None = None,
        own_voices: OwnVoices | None = None,
    ) -> None:
        """`own_voices`: None where nobody's is kept, or nothing can speak in it."""
        self.engines = engines
        self.conversations: set[Conversation] = set()
        """Those that are up."""
        self._recordings: dict[Conversation, Recording] = {}
        self._settings = settings
        self._ticker = ticker
        self._observer = observer
        self._figures = figures
        self._watcher = watcher
        self._tap = tap
        self.own_voices = own_voices
        self._warming = Warming(engines.tts, asyncio.get_running_loop().time)

    def begin(self, call: Call, options: Mapping[str, str] | None = None) -> Conversation:
        """A conversation without participants yet; `finish` is due.

        Args:
            options: what the dialplan says for everyone who will be in it.
        """
        options = options or {}
        recording = begin(self._settings, call.name, options, self.engines, asyncio.get_running_loop().time)
        conversation = Conversation(
            call.name,
            recording.engines(self.engines),
            speech_settings(self._settings, disclosed=discloses(options)),
            recording.ticker(self._ticker),
            Observers([self._observer, recording]),
            self._tap,
            on_fault=lambda: call.end(Ended("service", "a fault in its tick")),
        )
        recording.began(conversation)
        self._recordings[conversation] = recording
        self.conversations.add(conversation)
        self._figures.calls.set(len(self.conversations))
        return conversation

    def join(self, conversation: Conversation, party: Party, who: Who) -> Leg:
        """A participant comes in; returns what becomes of what they say."""
        spoken = who.spoken
        recording = self._recordings[conversation]
        self._warming.begin(spoken.candidates or (spoken.language,))  # in which the others' words will be told
        outlet = recording.outlet(party.name, party)
        own = self.own_voices.claim(who.voice) if self.own_voices and who.voice else None
        return recording.leg(conversation.join(party.name, spoken.language, outlet, spoken.candidates, own))

    def began(self, conversation: Conversation) -> None:
        """The first frames flow."""
        self._watcher.began(conversation)

    async def finish(self, conversation: Conversation, ended: Ended) -> None:
        """Close the accounts of a conversation."""
        self.conversations.discard(conversation)
        self._figures.calls.set(len(self.conversations))
        recording = self._recordings.pop(conversation)
        try:
            balance = await conversation.close(reason_of(ended))
            if conversation.joined:  # else nobody ever came in, and that has been told as refused
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
        finally:
            await recording.close()

    def refused(self, started: CallStarted, why: str, *, failed: bool = False) -> None:
        """Somebody was not let in, or (`failed`) did not come in."""
        self._figures.calls_total.add("failed" if failed else "refused")
        log.warning("a call from %s is refused: %s", started.caller or "an unknown number", why)
        self._watcher.refused(started, why)
