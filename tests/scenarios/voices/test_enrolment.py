"""Who calls to enrol has a voice afterwards, and is spoken in it on their next call; who does not agree, or hangs up,
leaves nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes.sip_phone import SipPhone
from tests.scenarios.rig import STEP_S
from tests.scenarios.scene import clip_engines
from tests.scenarios.transport import ENROLS
from tests.scenarios.voices.rig import ANA, CLIPS, TURNS, House, said, turn

pytestmark = pytest.mark.models

NAME = f"tel-{ANA}"

TONE_S = 1.2
"""From when a recording is asked for until the tone has been heard: whoever speaks sooner is not recorded."""


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """How far an enrolment is, its log tells."""
    with caplog.at_level(logging.INFO, "controller.enrolment"):
        yield


async def until(words: str, caplog: pytest.LogCaptureFixture) -> None:
    """Wait until the log says it."""
    async with asyncio.timeout(2 * STEP_S):
        while not any(words in record.getMessage() for record in caplog.records):
            await asyncio.sleep(0.05)


@asynccontextmanager
async def enrolling(house: House, caplog: pytest.LogCaptureFixture) -> AsyncIterator[SipPhone]:
    """Ana has called, and is asked whether she agrees."""
    phone = SipPhone(ANA)
    async with house.scene(phone, clip_engines()):
        phone.dial(house.asterisk.sip_uri(ENROLS.pattern))
        await until("consent is asked for", caplog)
        yield phone


async def kept(house: House) -> list[str]:
    async with house.keeper() as keeper:
        return keeper.library.names


def test_who_enrols_by_phone_is_spoken_in_their_own_voice_on_the_next_call(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with enrolling(house, caplog) as phone:
            phone.press("1")
            for manner, clip in zip(("neutral", "calm", "lively"), CLIPS, strict=True):
                await until(f"{manner} is recorded", caplog)
                await asyncio.sleep(TONE_S)
                phone.say(said(clip))
            await until("ended: enrolled", caplog)
            await asyncio.to_thread(phone.wait_ended, STEP_S)
        async with house.keeper() as keeper:
            profile = await keeper.library.load(NAME)
            assert [clip.name for clip in profile.clips] == ["neutral", "calm", "lively"]
            assert {clip.quality.band for clip in profile.clips} == {"telephone"}
            assert profile.usable is None
            assert profile.consent is not None
            assert (profile.consent.who, profile.consent.how) == (ANA, "phone")
        try:
            async with house.call() as (scene, talk):
                for names in TURNS:
                    await turn(talk, said(names))
                    if scene.seen.voices[-1][1]:
                        break
                assert scene.seen.claims[-1] == ("a", "confirmed"), scene.seen.claims
                assert scene.seen.voices[-1][1].startswith(f"{NAME}@1/"), scene.seen.voices
                await talk.hang_up()
        finally:
            async with house.keeper() as keeper:
                await keeper.delete(NAME)

    asyncio.run(main())


def test_who_does_not_agree_leaves_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with enrolling(house, caplog) as phone:
            phone.press("2")
            await until("ended: declined", caplog)
            await asyncio.to_thread(phone.wait_ended, STEP_S)
        assert await kept(house) == []

    asyncio.run(main())


def test_who_hangs_up_while_they_are_recorded_leaves_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with enrolling(house, caplog) as phone:
            phone.press("1")
            await until("neutral is recorded", caplog)
            await asyncio.sleep(TONE_S)
            phone.say(said(CLIPS[0]))
            await asyncio.sleep(1)
            phone.hang_up()
            await until("ended: hung_up", caplog)
        assert await kept(house) == []

    asyncio.run(main())
