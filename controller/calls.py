"""The life of calls: taken or refused, connected, interpreted, ended, cleaned up; two who dial, or who talk already, or
many in a room.

Joins what Asterisk does (`pbx`) to what is done with the sound (`pipeline`); neither knows the other.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from controller.admission import (
    Refusal,
    dialled_refusal,
    enrolment_refusal,
    number_refusal,
    pair_refusal,
    room_refusal,
)
from controller.enrolment.enrolments import Enrolments
from controller.errors import PbxError
from controller.interpreting import Interpreting, Who, reason_of
from controller.languages import VARIABLES, VOICES, Spoken, choose
from controller.messages import Reason
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import CallStarted, ChannelEnded, Dtmf, Held, Replaced
from controller.pbx.call import Dialled, Ended, Pair, Running
from controller.pbx.halves import Halves
from controller.pbx.party import OpenMedia, Party, quietly
from controller.pbx.registry import Registry
from controller.pbx.room import Room
from controller.pipeline.conversation import Conversation
from controller.settings import Settings
from controller.telemetry.logs import current_call

log = logging.getLogger(__name__)


class Meeting:
    """A room that is open, with what is spoken in it."""

    def __init__(self, room: Room, conversation: Conversation) -> None:
        self.room = room
        self.conversation = conversation
        self.spoken: dict[str, Spoken] = {}
        """By participant, those on their way in included."""


class Calls:
    """All calls of a service."""

    def __init__(
        self,
        settings: Settings,
        interpreting: Interpreting,
        ari: AriClient,
        open_media: OpenMedia,
        enrolments: Enrolments,
    ) -> None:
        self.registry = Registry(settings.calls.limit)
        self._settings = settings
        self._interpreting = interpreting
        self._ari = ari
        self._open_media = open_media
        self._enrolments = enrolments
        self._halves = Halves()
        self._meetings: dict[str, Meeting] = {}
        """By the name of the room."""

    def refuse_new(self) -> None:
        """Take no new calls from now on, nor anyone more into a room; those that are up go on."""
        self.registry.draining = True

    def stop(self) -> None:
        """Take no new calls, and end those that are up."""
        self.refuse_new()
        for call in self.registry:
            call.end(Ended("service", "the service stops"))

    def end(self, name: str) -> None:
        """An operator ends a call; an unknown one has ended already."""
        for call in self.registry:
            if call.name == name:
                call.end(Ended("operator", "ended by command"))

    async def tell(self, event: ChannelEnded | Held | Dtmf | Replaced) -> None:
        """Something happened on a channel."""
        if call := self.registry.with_channel(event.channel_id):
            await call.tell(event)

    def missed_events(self) -> None:
        """Events were away, and no channel says whether it is on hold: all are taken for resumed.

        Of two evils the lesser: one who is still on hold has their music interpreted and misses what is due to them
        until they come back; one who was thought to be on hold for ever would be neither heard nor told anything.
        """
        for call in self.registry:
            for party in call.parties.values():
                party.held(False)

    async def take(self, started: CallStarted) -> None:
        """A call came in: from here until the caller has gone."""
        if "join" in started.options:
            await self._join_running(started)
            return
        if no := number_refusal(started, self._settings.calls):
            await self._refuse(started, no)
            return
        try:
            sides = await self._sides(started)
        except PbxError as error:
            await self._refuse(started, Refusal(str(error), "congestion"))
            return
        if started.options.get("enrol"):
            await self._enrol(started, sides["a"].spoken.language)
        elif room := started.options.get("room"):
            await self._participate(started, room, sides["a"])
        else:
            await self._connect(started, sides)

    async def hang_up(self, channel_id: str, reason: str) -> None:
        """End a channel that belongs to no call."""
        try:
            await self._ari.hangup(channel_id, reason)
        except PbxError as error:
            log.warning("%s", error)

    async def _sides(self, started: CallStarted) -> dict[str, Who]:
        """Who the two sides are, as far as it is known before they have said anything."""
        own = self._interpreting.own_voices
        names = [*VARIABLES.values(), *(VOICES.values() if own else ())]
        values = await asyncio.gather(*(self._ari.variable(started.channel_id, name) for name in names))
        variables = dict(zip(names, values, strict=True))
        settings, caller, dialled = self._settings, started.caller, started.extension
        spoken = choose(started.options, variables, caller, dialled, settings.calls, settings.languages)
        if own is None:
            return {side: Who(one) for side, one in spoken.items()}
        numbers = {"a": caller, "b": dialled}
        return {side: Who(one, own.find(variables[VOICES[side]], numbers[side])) for side, one in spoken.items()}

    async def _refuse(self, started: CallStarted, no: Refusal) -> None:
        self._interpreting.refused(started, no.why)
        await self.hang_up(started.channel_id, no.reason)

    def _new_name(self) -> str:
        return f"{self._settings.asterisk.app}-{secrets.token_hex(4)}"

    # Two who dial

    async def _connect(self, started: CallStarted, sides: dict[str, Who]) -> None:
        engines = self._interpreting.engines
        spoken = {side: who.spoken for side, who in sides.items()}
        if no := dialled_refusal(started, spoken, self._settings.calls, engines, self.registry):
            await self._refuse(started, no)
            return
        call = Dialled(self._ari, self._open_media, self._new_name(), started.channel_id)
        self.registry.add(call)
        current_call.set(call.name)
        try:
            await call.connect(started.options["dial"], self._settings.asterisk.ring_s)
            await self._interpret(call, sides, started.options)
        except PbxError as error:
            self._interpreting.refused(started, f"{call.name}: {error}", failed=True)
        finally:
            await call.clean_up()
            self.registry.remove(call)

    # Two who talk already

    async def _join_running(self, started: CallStarted) -> None:
        """One of them is here: with the other they make a call, from here until either has gone.

        Whatever comes between, their own call goes on: the dialplan connects them again.
        """
        here = [started]
        try:
            other = await self._halves.other(started)
            if other is None:
                return
            here = sorted((started, other), key=lambda one: one.options["side"])
            caller, called = here
            caller = replace(caller, extension=caller.options.get("number", caller.extension))
            sides = await self._sides(caller)
            spoken = {side: who.spoken for side, who in sides.items()}
            no = number_refusal(caller, self._settings.calls) or pair_refusal(
                spoken, self._settings.calls, self._interpreting.engines, self.registry
            )
            if no is not None:
                raise PbxError(no.why)
        except PbxError as error:
            self._interpreting.refused(started, f"their call goes on without an interpreter: {error}")
            await asyncio.gather(*(quietly(self._ari.go_on(one.channel_id)) for one in here))
            return
        call = Running(self._ari, self._open_media, self._new_name(), caller.channel_id, called.channel_id)
        self.registry.add(call)
        current_call.set(call.name)
        try:
            await call.connect()
            await self._interpret(call, sides, caller.options)
        except PbxError as error:
            self._interpreting.refused(caller, f"{call.name}: {error}", failed=True)
        finally:
            await call.clean_up()
            self.registry.remove(call)

    # Both of these

    async def _interpret(self, call: Pair, sides: dict[str, Who], options: Mapping[str, str]) -> None:
        conversation = self._interpreting.begin(call, options)
        ended = Ended("service", "the service stops")
        try:
            call.start(lambda name, party: self._interpreting.join(conversation, party, sides[name]))
            self._interpreting.began(conversation)
            log.info("call %s is up: %s", call.name, " <-> ".join(str(who.spoken) for who in sides.values()))
            ended = await call.ended
        finally:
            await self._interpreting.finish(conversation, ended)

    # One who enrols

    async def _enrol(self, started: CallStarted, language: str) -> None:
        if no := enrolment_refusal(self._settings.calls, self.registry):
            await self._refuse(started, no)
            return
        alone = Room(self._ari, self._open_media, self._new_name())
        self.registry.add(alone)
        current_call.set(alone.name)
        party = alone.expect(started.channel_id)
        try:
            await alone.enter(party)
            await self._enrolments.run(party, started.caller, language, [party.gone, alone.ended])
        except PbxError as error:
            self._interpreting.refused(started, f"{alone.name}: {error}", failed=True)
        finally:
            alone.leave(party)
            await party.close()
            self.registry.remove(alone)

    # Many in a room

    async def _participate(self, started: CallStarted, name: str, who: Who) -> None:
        spoken = who.spoken
        meeting = self._meetings.get(name)
        if meeting is not None and meeting.room.ended.done():  # those in it are on their way out
            meeting = None
        no = room_refusal(
            spoken,
            list(meeting.spoken.values()) if meeting else None,
            self._settings.calls,
            self._interpreting.engines,
            self.registry,
        )
        if no is not None:
            await self._refuse(started, no)
            return
        if meeting is None:
            meeting = self._open(name)
        room, conversation = meeting.room, meeting.conversation
        current_call.set(room.name)
        party = room.expect(started.channel_id)
        meeting.spoken[party.name] = spoken
        reason = Reason.RESTART
        try:
            await room.enter(party)
            self._join(meeting, party, who)
            either: list[asyncio.Future[Any]] = [party.gone, room.ended]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if party.gone.done():
                reason = Reason.MEDIA_LOST if party.deaf else Reason.HANGUP
            else:
                reason = reason_of(room.ended.result())
        except PbxError as error:
            self._interpreting.refused(started, f"{room.name}: {error}", failed=True)
        finally:
            try:
                await conversation.leave(party.name, reason)
            finally:
                await self._leave(name, meeting, party)

    def _open(self, name: str) -> Meeting:
        room = Room(self._ari, self._open_media, self._new_name())
        self.registry.add(room)
        meeting = self._meetings[name] = Meeting(room, self._interpreting.begin(room))
        log.info("call %s is the room %s", room.name, name)
        return meeting

    def _join(self, meeting: Meeting, party: Party, who: Who) -> None:
        conversation = meeting.conversation
        party.start(lambda name, party: self._interpreting.join(conversation, party, who))
        if conversation.joined == 1:
            self._interpreting.began(conversation)
        log.info("call %s: %s has come in and speaks %s", meeting.room.name, party.name, who.spoken)

    async def _leave(self, name: str, meeting: Meeting, party: Party) -> None:
        """Whoever leaves last closes the room; who dials it from now on finds a new one."""
        room = meeting.room
        room.leave(party)
        del meeting.spoken[party.name]
        if room.parties:
            await party.close()
            return
        if self._meetings.get(name) is meeting:
            del self._meetings[name]
        try:
            await self._interpreting.finish(meeting.conversation, room.ended.result())
        finally:
            await party.close()
            self.registry.remove(room)
