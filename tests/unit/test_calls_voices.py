"""Calls of people who enrolled: whose voice it is, as Asterisk tells of the channel."""

from __future__ import annotations

import asyncio

from tests.unit.test_calls import House, house, loud, talk
from tests.unit.test_own_voice import FakeOwnVoice


class SomeVoices:
    """Everybody whose number is known is Ana, or whom the dialplan names."""

    def __init__(self) -> None:
        self.looked: list[tuple[str, str]] = []
        self.claimed: list[FakeOwnVoice] = []

    def find(self, named: str, number: str) -> str:
        self.looked.append((named, number))
        return named or {"a": "ana"}.get(number, "")

    def claim(self, name: str) -> FakeOwnVoice:
        self.claimed.append(FakeOwnVoice(f"{name}@1/mean"))
        return self.claimed[-1]


def test_who_has_a_voice_of_their_own_is_found_by_number_or_variable_and_spoken_in_it() -> None:
    voices = SomeVoices()

    async def test(one: House) -> None:
        ana = await one.enter("a", "en")
        one.ari.variables["DRAGOMAN_FROM_VOICE"] = "bob"
        await one.enter("b", "es")
        one.ari.variables.clear()
        await one.enter("c", "fr")
        assert [looked for looked in voices.looked if looked[1] != "801"] == [("", "a"), ("bob", "b"), ("", "c")]
        assert [own.key for own in voices.claimed] == ["ana@1/mean", "bob@1/mean"]
        await talk(ana, 1)
        assert ("p1", "ana@1/mean") in one.seen.voices
        for channel in "abc":
            await one.hang_up(channel)
        assert all(own.closed for own in voices.claimed)

    house(test, own_voices=voices)


def test_nobody_asks_for_voices_where_none_are_kept() -> None:
    async def test(one: House) -> None:
        await one.enter("a", "en")
        assert not [asked for asked in one.ari.asked if "VOICE" in asked[-1]]
        await one.hang_up("a")

    house(test)


def test_who_wants_to_enrol_where_no_voices_are_kept_is_told_and_let_go_of() -> None:
    async def test(one: House) -> None:
        one.ring("a", "enrol=yes", "from=es")
        await asyncio.sleep(5)
        (media,) = one.opener.opened
        assert loud(media, 0) > 20, "a sentence"
        assert one.hung_up("a") == "normal"

    house(test)


def test_nobody_enrols_while_the_service_stops() -> None:
    async def test(one: House) -> None:
        one.calls.refuse_new()
        await one.ring("a", "enrol=yes")
        assert one.hung_up("a") == "congestion"
        assert one.opener.opened == []

    house(test)
