"""An interpreter who comes into a call that runs already: two find each other, are given back, hand over."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from controller.flight.replay import replay
from controller.flight.score import Score
from controller.pbx.ari_events import ChannelEnded, Replaced
from controller.pbx.halves import OTHER_S
from controller.pipeline.announcements import FIRST_S, TEXTS, Sentence
from controller.telemetry.flight import read
from controller.telemetry.recorder import Recorder
from controller.virtual_time import run
from tests.fakes.fake_call import SPEECH, bench, virtual
from tests.fakes.fake_engines import FakeVoice
from tests.unit.test_calls import House, house
from tests.unit.test_own_voice import FakeOwnVoice

ASKED = ("number=202", "disclose=yes", "from=en", "to=es")


async def both(one: House, *args: str) -> None:
    """The two channels of a running call come in, the called one first."""
    one.ring("called", "join=1.0", "side=b", *ASKED, *args)
    one.ring("caller", "join=1.0", "side=a", *ASKED, *args)
    await asyncio.sleep(0.01)


def given_back(one: House) -> set[str]:
    return {asked[1] for asked in one.ari.asked if asked[0] == "go_on"}


def test_two_channels_are_one_call_in_which_a_machine_is_named() -> None:
    async def test(one: House) -> None:
        await both(one)
        (conversation,) = one.watch.conversations
        assert conversation.languages() == {"a": "en", "b": "es"}, "whoever came first"
        await asyncio.sleep(1)
        assert all(any(pcm.any() for pcm in media.sent) for media in one.opener.opened), "both are told"
        await one.hang_up("caller")
        assert one.hung_up("called") == "normal" and given_back(one) == set()
        assert one.watch.ended[0].by == "a"

    house(test)


@pytest.mark.parametrize(
    ("allow", "more", "why"), [("*", "from=ja", "'ja'"), ("3*", "x", "The number 202 is not among")]
)
def test_whom_nobody_can_interpret_is_given_back(allow: str, more: str, why: str) -> None:
    async def test(one: House) -> None:
        await both(one, more)
        assert why in one.watch.refusals[0]
        assert given_back(one) == {"caller", "called"}
        assert one.hung_up("caller") is None and one.hung_up("called") is None

    house(test, allow=[allow])


def test_whom_a_full_or_stopping_service_does_not_take_is_given_back() -> None:
    async def test(one: House) -> None:
        one.calls.refuse_new()
        await both(one)
        assert "is stopping" in one.watch.refusals[0] and given_back(one) == {"caller", "called"}

    house(test)


@pytest.mark.parametrize("sides", [("a",), ("a", "a"), ("c",)])
def test_one_without_the_other_is_given_back(sides: tuple[str, ...]) -> None:
    async def test(one: House) -> None:
        for number, side in enumerate(sides):
            one.ring(f"c{number}", "join=1.0", f"side={side}", *ASKED)
        await asyncio.sleep(OTHER_S + 1)
        assert given_back(one) == {f"c{number}" for number in range(len(sides))}
        assert not one.opener.opened

    house(test)


def test_where_no_media_channel_opens_they_are_given_back() -> None:
    async def test(one: House) -> None:
        one.opener.failures = 1
        await both(one)
        await asyncio.sleep(0.1)
        assert "told to fail" in one.watch.refusals[0]
        assert given_back(one) == {"caller", "called"} and one.hung_up("caller") is None

    house(test)


def test_a_service_that_stops_gives_them_back_and_an_operator_hangs_up() -> None:
    async def stopped(one: House) -> None:
        await both(one)
        one.calls.stop()
        await asyncio.sleep(0.1)
        assert given_back(one) == {"caller", "called"} and one.hung_up("called") is None

    async def ended(one: House) -> None:
        await both(one)
        one.calls.end(one.watch.conversations[0].call)
        await asyncio.sleep(0.1)
        assert given_back(one) == set() and one.hung_up("called") == "normal"

    house(stopped)
    house(ended)


def test_whoever_takes_over_stands_where_the_other_stood() -> None:
    async def test(one: House) -> None:
        await both(one)
        await one.calls.tell(Replaced("caller", "local"))
        await one.calls.tell(ChannelEnded("caller", None, "left the application"))
        assert one.watch.ended == [] and one.hung_up("caller") == "normal"
        await one.hang_up("local")
        assert one.watch.ended[0].by == "a"

    house(test)


@virtual
async def test_what_is_said_first_is_said_in_the_listeners_language_however_long_the_voice_takes() -> None:
    voice = FakeVoice(delay_s=FIRST_S + 2)
    async with bench(tts=voice, speech=replace(SPEECH, disclosed=True)) as b:
        phones = [b.phone("a", "en"), b.phone("b", "es")]
        await asyncio.sleep(FIRST_S + 4)
        assert [text for text, _ in voice.asked] == [TEXTS[one][Sentence.DISCLOSURE] for one in ("en", "es")]
        for phone in phones:
            assert {peak for _, peak in phone.peaks()} == {0, voice.level}, "no tone"


def test_what_was_said_first_is_said_again_in_a_replay(tmp_path: Path) -> None:
    async def call() -> Recorder:
        recorder = Recorder(tmp_path / "x.flight", "", asyncio.get_running_loop().time)
        async with bench(recorder=recorder, speech=replace(SPEECH, disclosed=True)) as b:
            b.phone("a", "en", (3.0, 4.0))
            b.phone("b", "es")
            await asyncio.sleep(8)
        recorder.finish()
        return recorder

    run(call()).wait()
    score = Score(read(tmp_path / "x.flight"))
    assert replay(score, replace(SPEECH, disclosed=True)).same
    assert not replay(score, SPEECH).same, "the voice was asked for more"


@virtual
async def test_whoever_takes_over_speaks_in_no_voice_of_the_others_and_has_chosen_nothing() -> None:
    own, tts = FakeOwnVoice("ana@1/mean"), FakeVoice()
    async with bench(tts=tts) as b:
        a, _ = b.phone("a", "en", (0.5, 1.0), (4.0, 4.5), own_voice=own), b.phone("b", "es")
        a.leg.preferences.slow = True
        await asyncio.sleep(3)
        a.leg.held(True)
        heard = len(own.pushed)
        a.leg.taken_over()
        assert b.conversation.standings() == {}
        await asyncio.sleep(4)
        assert tts.timbres == ["ana@1/mean", ""]
        assert len(own.pushed) == heard and not a.leg.preferences.slow
    assert own.closed
