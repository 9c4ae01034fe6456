"""Calls and rooms on the virtual clock: who is let in, who hears whom, who comes, who goes, what is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import numpy as np
import pytest

from controller.calls import Calls
from controller.engines import Engines
from controller.enrolment.enrolments import Enrolments
from controller.frames import FRAME_S, SILENCE
from controller.interpreting import CallWatcher, Interpreting
from controller.messages import Reason
from controller.pbx.ari import AriClient
from controller.pbx.ari_events import CallStarted, ChannelEnded, Held
from controller.pbx.call import Ended
from controller.pipeline.conversation import Conversation
from controller.settings import load
from controller.telemetry.figures import Figures
from controller.telemetry.metrics import Registry as Metrics
from controller.ticker import Ticker
from controller.virtual_time import run
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator, FakeVoice, fake_engines
from tests.fakes.fake_media import FakeAri, FakeMedia, FakeOpener
from tests.fakes.fake_observer import RecordingObserver
from tests.fakes.fake_phone import tone_frame


class Watch(CallWatcher):
    def __init__(self) -> None:
        self.conversations: list[Conversation] = []
        self.ended: list[Ended] = []
        self.refusals: list[str] = []

    def began(self, conversation: Conversation) -> None:
        self.conversations.append(conversation)

    def finished(self, conversation: Conversation, ended: Ended) -> None:
        self.ended.append(ended)

    def refused(self, call: CallStarted, why: str) -> None:
        self.refusals.append(why)


class House:
    """A service without its processes: everything between Asterisk's events and media frames."""

    def __init__(self, engines: Engines | None = None, own_voices: Any = None, **calls: Any) -> None:
        settings = load(calls=calls, languages={"identify": engines is not None})
        self.ticker = Ticker()
        self.seen, self.watch = RecordingObserver(), Watch()
        self.ari, self.opener = FakeAri(), FakeOpener()
        interpreting = Interpreting(
            settings,
            engines or fake_engines(),
            ticker=self.ticker,
            observer=self.seen,
            figures=Figures(Metrics()),
            watcher=self.watch,
            own_voices=own_voices,
        )
        enrolments = Enrolments(None, FakeVoice(0.1, 0.5), self.ticker, Metrics())
        self.calls = Calls(settings, interpreting, cast(AriClient, self.ari), self.opener, enrolments)
        self.tasks: list[asyncio.Task[None]] = []

    def ring(self, channel: str, *args: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self.calls.take(CallStarted(channel, f"PJSIP/{channel}", channel, "801", args)))
        self.tasks.append(task)
        return task

    async def enter(self, channel: str, language: str, room: str = "weekly") -> FakeMedia:
        """Somebody dials a room and is in."""
        before = len(self.opener.opened)
        self.ring(channel, f"room={room}", f"from={language}")
        await asyncio.sleep(0.001)
        assert len(self.opener.opened) == before + 1, self.watch.refusals
        return self.opener.opened[-1]

    async def hang_up(self, channel: str) -> None:
        await self.calls.tell(ChannelEnded(channel, 16, "Normal Clearing"))
        await asyncio.sleep(0.001)

    def hung_up(self, channel: str) -> str | None:
        """With which reason a channel was hung up by us."""
        return next((asked[2] for asked in self.ari.asked if asked[:2] == ("hangup", channel)), None)


def house(test: Callable[[House], Awaitable[None]], **calls: Any) -> None:
    async def main() -> None:
        one = House(**calls)
        ticking = asyncio.create_task(one.ticker.run())
        await test(one)
        one.calls.stop()
        await asyncio.gather(*one.tasks)
        ticking.cancel()
        assert len(one.calls.registry) == 0
        assert all(media.closed for media in one.opener.opened)
        for conversation in one.watch.conversations:
            assert conversation.balance.open == 0
        made = {asked[1] for asked in one.ari.asked if asked[0] == "create_bridge"}
        assert made == {asked[1] for asked in one.ari.asked if asked[0] == "destroy_bridge"}

    run(main())


async def talk(media: FakeMedia, seconds: float) -> None:
    """Speech, then enough silence for what was said to be heard by all."""
    for count in range(round((seconds + 3) / FRAME_S)):
        media.on_frame(tone_frame() if count * FRAME_S < seconds else SILENCE)
        await asyncio.sleep(FRAME_S)


def loud(media: FakeMedia, since: int) -> int:
    """Frames with sound among those sent since."""
    return sum(bool(np.any(pcm)) for pcm in media.sent[since:])


def test_one_alone_waits_and_hears_silence() -> None:
    async def test(one: House) -> None:
        media = await one.enter("a", "en")
        await talk(media, 1)
        assert len(media.sent) > 100 and not loud(media, 0)
        await one.hang_up("a")
        assert [ended.by for ended in one.watch.ended] == ["room"] and len(one.calls.registry) == 0
        assert one.seen.deliveries == []

    house(test)


def test_everyone_hears_everyone_and_leaving_ends_it_for_the_leaver_alone() -> None:
    async def test(one: House) -> None:
        def heard(speaker: str) -> set[tuple[str, str]]:
            """Who was told something that `speaker` said, and in which language."""
            return {(d.listener, (d.target or "")[:2]) for d in one.seen.deliveries if d.clause.speaker == speaker}

        english, spanish = await one.enter("a", "en"), await one.enter("b", "es")
        await talk(english, 1)
        assert heard("p1") == {("p2", "es")}
        french, more_english = await one.enter("c", "fr"), await one.enter("d", "en")
        assert len(one.watch.conversations) == 1, "one call"
        since = {media: len(media.sent) for media in (english, spanish, french, more_english)}
        await talk(french, 1)
        assert heard("p3") == {("p1", "en"), ("p2", "es"), ("p4", "en")}
        assert all(loud(media, since[media]) for media in (english, spanish, more_english))
        assert not loud(french, since[french]), "one does not hear oneself"
        before = len(more_english.sent)
        await talk(english, 1)
        assert loud(more_english, before), "the same language is heard as it is"
        assert heard("p1") == {("p2", "es"), ("p3", "fr")}, "and not interpreted"
        await one.hang_up("a")
        assert english.closed and not spanish.closed and len(one.calls.registry) == 1
        await talk(spanish, 1)
        assert heard("p2") == {("p3", "fr"), ("p4", "en")}
        for channel in "bcd":
            await one.hang_up(channel)
        assert len(one.watch.ended) == 1

    house(test)


def test_one_more_than_the_cap_is_busy_until_someone_leaves() -> None:
    async def test(one: House) -> None:
        await one.enter("a", "en")
        await one.enter("b", "es")
        await one.ring("c", "room=weekly", "from=fr")
        assert "limit of 2 participants" in one.watch.refusals[0] and one.hung_up("c") == "busy"
        await one.enter("d", "en", room="another")
        await one.hang_up("a")
        await one.enter("e", "fr")

    house(test, participants=2)


def test_a_language_that_cannot_be_interpreted_for_those_present_is_refused() -> None:
    async def test(one: House) -> None:
        await one.ring("z", "room=weekly", "from=ja")
        assert "'ja'" in one.watch.refusals[0] and one.hung_up("z") == "rejected"
        assert len(one.calls.registry) == 0
        await one.enter("a", "en")
        await one.ring("b", "room=weekly", "from=ja")
        assert one.hung_up("b") == "rejected" and one.hung_up("a") is None

    house(test)


def test_rooms_count_as_calls() -> None:
    async def test(one: House) -> None:
        await one.enter("a", "en", room="first")
        await one.ring("b", "room=second", "from=en")
        assert "limit of 1 calls" in one.watch.refusals[0] and one.hung_up("b") == "busy"
        await one.enter("c", "es", room="first")

    house(test, limit=1)


def test_one_who_hangs_up_on_the_way_in_leaves_the_room_as_it_was() -> None:
    async def test(one: House) -> None:
        await one.enter("a", "en")
        one.opener.takes_s = 1
        coming = one.ring("b", "room=weekly", "from=es")
        await asyncio.sleep(0.5)
        await one.hang_up("b")
        await coming
        assert "Normal Clearing" in one.watch.refusals[0]
        assert list(one.watch.conversations[0].legs) == ["p1"]
        one.opener.takes_s = 0
        await one.enter("c", "es")

    house(test)


def test_a_room_that_nobody_came_into_was_no_call() -> None:
    async def test(one: House) -> None:
        one.opener.failures = 1
        await one.ring("a", "room=weekly", "from=en")
        assert "told to fail" in one.watch.refusals[0] and one.hung_up("a") == "normal"
        assert one.watch.ended == [] and len(one.calls.registry) == 0
        await one.enter("b", "en")

    house(test)


def test_media_lost_for_good_costs_one_participant_and_not_the_room() -> None:
    async def test(one: House) -> None:
        english, spanish = await one.enter("a", "en"), await one.enter("b", "es")
        one.opener.failures = 1000
        english.lose()
        await asyncio.sleep(8)
        assert list(one.watch.conversations[0].legs) == ["p2"] and one.hung_up("a") == "normal"
        assert not spanish.closed

    house(test)


def test_who_dials_while_the_room_is_ended_finds_a_new_one() -> None:
    async def test(one: House) -> None:
        await one.enter("a", "en")
        next(iter(one.calls.registry)).end(Ended("service", "someone ended it"))
        one.ring("b", "room=weekly", "from=es")
        await asyncio.sleep(0.01)
        assert len(one.watch.conversations) == 2 and len(one.watch.ended) == 1
        assert [list(c.legs) for c in one.watch.conversations] == [[], ["p1"]]

    house(test)


def test_a_room_that_an_operator_ends_is_accounted_as_that() -> None:
    async def test(one: House) -> None:
        await one.enter("a", "en")
        await one.enter("b", "es")
        one.calls.end(next(iter(one.calls.registry)).name)
        await asyncio.sleep(0.01)
        assert one.seen.gone == [("p1", Reason.HANGUP), ("p2", Reason.HANGUP)]
        assert [ended.by for ended in one.watch.ended] == ["operator"]

    house(test)


def test_a_room_whose_accounts_fail_leaves_nothing_in_asterisk(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(one: House) -> None:
        await one.enter("a", "en")

        def fault(conversation: Conversation, ended: Ended) -> None:
            raise KeyError("a bug")

        monkeypatch.setattr(one.watch, "finished", fault)
        await one.hang_up("a")
        with pytest.raises(KeyError):
            await one.tasks.pop()
        assert one.opener.opened[0].closed  # and what `house` looks at

    house(test)


def test_every_language_that_a_speaker_may_turn_out_to_speak_must_be_interpreted() -> None:
    """A call with French was taken because the other side was assumed to speak Spanish, and failed once it did not."""

    class NoFrenchEnglish(FakeTranslator):
        def translates(self, source: str, target: str) -> bool:
            return {source, target} != {"fr", "en"}

    class Identifier(FakeRecogniser):
        def hears(self, language: str) -> bool:
            return True

    async def refused(one: House) -> None:
        await one.ring("a", "from=fr", "pair=en-es", "dial=PJSIP/bob")
        assert "fr -> en" in one.watch.refusals[0] and one.hung_up("a") == "rejected"

    async def taken(one: House) -> None:
        one.ring("a", "from=fr", "pair=en-es", "dial=PJSIP/bob")
        await asyncio.sleep(0.01)
        assert one.watch.refusals == []

    house(refused, engines=Engines(FakeRecogniser(), NoFrenchEnglish(), FakeVoice(), Identifier()))
    house(taken, engines=Engines(FakeRecogniser(), NoFrenchEnglish(), FakeVoice()))  # where nobody is identified


def test_nobody_stays_on_hold_because_events_were_away() -> None:
    async def test(one: House) -> None:
        await one.enter("a", "en")
        await one.calls.tell(Held("a", True))
        capture = one.watch.conversations[0].legs["p1"].orchestrator.capture
        assert capture.held
        one.calls.missed_events()  # the end of the hold was among them
        assert not capture.held

    house(test)


def test_a_call_to_nobody_is_refused() -> None:
    async def test(one: House) -> None:
        await one.ring("a", "from=en", "to=es")
        assert "dial=PJSIP" in one.watch.refusals[0] and one.hung_up("a") == "rejected"

    house(test)


def test_a_number_that_is_not_allowed_is_rejected_and_nothing_is_asked() -> None:
    async def test(one: House) -> None:
        await one.ring("a", "from=en", "to=es", "dial=PJSIP/bob")  # 801 was dialled
        assert "801" in one.watch.refusals[0] and one.ari.asked == [("hangup", "a", "rejected")]

    house(test, allow=["2??", "80[2-9]*"])

    async def taken(one: House) -> None:
        one.ring("a", "from=en", "to=es", "dial=PJSIP/bob")
        await asyncio.sleep(0.01)
        assert one.watch.refusals == [] and len(one.watch.conversations) == 1

    house(taken, allow=["2??", "80*"])


def test_twenty_calls_in_the_same_moment_take_no_longer_than_one() -> None:
    async def test(one: House) -> None:
        one.ari.answers_s = one.opener.takes_s = 0.05
        for number in range(20):
            one.ring(f"c{number}", "from=en", "to=es", "dial=PJSIP/bob")
        await asyncio.sleep(0.6)
        assert len(one.watch.conversations) == 20 and one.watch.refusals == []

    house(test)


def test_on_its_way_out_the_service_takes_nobody_and_waits_for_those_who_are_there() -> None:
    async def test(one: House) -> None:
        await one.enter("a", "en")
        one.calls.refuse_new()
        empty = asyncio.create_task(one.calls.registry.empty())
        await one.ring("b", "room=weekly", "from=es")  # a room that is open counts as little as a new one
        await one.ring("c", "from=en", "to=es", "dial=PJSIP/bob")
        assert one.hung_up("b") == one.hung_up("c") == "congestion", "which Asterisk tells a phone as 503"
        assert all("is stopping" in why for why in one.watch.refusals)
        assert not empty.done() and one.hung_up("a") is None
        await one.hang_up("a")
        assert empty.done() and [ended.by for ended in one.watch.ended] == ["room"]

    house(test)
