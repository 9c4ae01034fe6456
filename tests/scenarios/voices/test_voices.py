"""Who enrolled is spoken in their own voice once they are known to be it; nobody else is; and what is revoked is gone
from a call that goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import soxr

from controller.frames import Pcm
from controller.voices.keeper import Person
from controller.voices.profile import Consent
from controller.voices.quality import Take
from tests.fakes.sounds import RATE
from tests.scenarios.voices.rig import ANA, CLIPS, SHORT, TURN_S, TURNS, House, heard, said, turn

pytestmark = pytest.mark.models


@pytest.fixture
def enrolled(house: House) -> Iterator[None]:
    """Ana's voice, of three recordings; gone afterwards."""
    clips = [Take(f"{number}.wav", said(names), RATE) for number, names in enumerate(CLIPS)]
    consent = Consent("Ana Peña", "2026-11-23T00:00:00+00:00", "command", "1")

    async def enrol() -> None:
        async with house.keeper() as keeper:
            await keeper.enrol(ANA, clips, Person("Ana Peña", (ANA,), ("en",), consent))

    async def remove() -> None:
        async with house.keeper() as keeper:
            await keeper.delete(ANA)

    asyncio.run(enrol())
    yield
    asyncio.run(remove())


@pytest.mark.usefixtures("enrolled")
def test_who_enrolled_is_spoken_in_their_own_voice_once_they_are_known_and_revoking_ends_it(house: House) -> None:
    async def main() -> None:
        async with house.call() as (scene, talk):
            await turn(talk, said(SHORT))
            assert scene.seen.voices == [("a", "")], "of so little nobody is known"
            for names in TURNS[:4]:
                await turn(talk, said(names))
                if ("a", "confirmed") in scene.seen.claims:
                    break
            assert ("a", "confirmed") in scene.seen.claims, scene.seen.claims
            await turn(talk, said(TURNS[4]))
            assert scene.seen.voices[-1][1].startswith(f"{ANA}@1/"), scene.seen.voices
            async with house.keeper() as keeper:
                gone = await keeper.revoke(ANA)
            assert gone.untold is None
            async with asyncio.timeout(TURN_S):
                while scene.seen.claims[-1] != ("a", "refused"):
                    await asyncio.sleep(0.05)
            before = len(scene.seen.voices)
            await turn(talk, said(TURNS[0]))
            assert {voice for _, voice in scene.seen.voices[before:]} == {""}
            assert heard(talk), "the call went on, and lost nothing"
            await talk.hang_up()
        left = [path for path in (house.folder / "voices").rglob("*") if path.is_file()]
        assert left
        assert max(path.stat().st_size for path in left) < 4000, "whose voice it was, and no numbers of it"

    asyncio.run(main())


@pytest.mark.usefixtures("enrolled")
def test_an_impostor_who_calls_from_the_number_is_refused(house: House) -> None:
    async def main() -> None:
        async with house.call() as (scene, talk):
            for names in TURNS:
                await turn(talk, another(said(names)))
                if ("a", "refused") in scene.seen.claims:
                    break
            assert scene.seen.claims[-1] == ("a", "refused"), scene.seen.claims
            assert ("a", "confirmed") not in scene.seen.claims
            assert {voice for _, voice in scene.seen.voices} == {""}
            assert heard(talk)
            await talk.hang_up()

    asyncio.run(main())


@pytest.mark.usefixtures("enrolled")
def test_who_calls_from_another_number_is_nobody(house: House) -> None:
    async def main() -> None:
        async with house.call("bob") as (scene, talk):
            await turn(talk, said(TURNS[0]))
            assert scene.seen.claims == scene.seen.voices == []
            await talk.hang_up()

    asyncio.run(main())


def another(pcm: Pcm) -> Pcm:
    """The same words out of another throat: lower, longer, its vowels where a bigger body has them."""
    lower: Pcm = soxr.resample(pcm, RATE, round(RATE * 1.35), quality="HQ")
    return lower
