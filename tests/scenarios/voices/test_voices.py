"""Who enrolled is spoken in their own voice once they are known to be it; nobody else is; and what is revoked is gone
from a call that goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soxr

from controller.engines import Engines
from controller.engines.registry import EngineContext, make_voice
from controller.frames import Pcm
from controller.messages import Outcome
from controller.settings import EngineSettings, FallbackSettings, TritonSettings, VoiceSettings
from controller.stack.asterisk import AsteriskServer
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.triton.client import TritonClient
from controller.triton.contracts import Latents
from controller.voices.keeper import Keeper, Person
from controller.voices.latents import write
from controller.voices.opening import keeper_of
from controller.voices.profile import Consent
from controller.voices.quality import Take
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator
from tests.fakes.sip_phone import SipPhone
from tests.fakes.sounds import RATE
from tests.integration.xtts_rig import WIDTH
from tests.scenarios.scene import Scene, Talk
from tests.scenarios.voices.rig import CLIPS, SHORT, TURNS, exported, require, said

pytestmark = pytest.mark.models

ANA = "ana"
"""Both the name of the voice and the number that its owner calls from."""

PATIENCE = {"first_chunk_s": 20.0, "gap_s": 20.0}
TURN_S = 60.0
"""Until everything that was said in one is heard, on a machine that does much else."""


@dataclass(frozen=True)
class House:
    """What a call with voices needs."""

    asterisk: AsteriskServer
    triton: TritonServer
    folder: Path

    @property
    def voices(self) -> VoiceSettings:
        return VoiceSettings(store=str(self.folder / "voices"), key="a key for tests")  # type: ignore[arg-type]

    @asynccontextmanager
    async def keeper(self) -> AsyncIterator[Keeper]:
        """As the API's process has one."""
        async with TritonClient(self.triton.addresses.grpc) as client:
            keeper = keeper_of(self.voices, client)
            await keeper.library.open()
            yield keeper
            await keeper.library.close()

    @asynccontextmanager
    async def call(self, speaks: str = ANA) -> AsyncIterator[tuple[Scene, Talk]]:
        """A call of two, whose caller's number is Ana's."""
        deadlines = TritonSettings(grpc=self.triton.addresses.grpc, **PATIENCE)
        async with TritonClient(self.triton.addresses.grpc) as client:
            options = {"xtts_v2": {"voice": str(self.folder / "house.npz")}}
            tts = make_voice(
                EngineSettings(tts="xtts_v2", options=options),
                EngineContext(client, deadlines, {}),
                FallbackSettings(tts=[], tts_slow_s=60),
            )
            phones = SipPhone(speaks), SipPhone("b", auto_answer=True)
            async with Scene(
                self.asterisk,
                [phones],
                engines=Engines(FakeRecogniser(), FakeTranslator(), tts),
                settings={
                    "voices": {"store": self.voices.store, "key": self.voices.key.get_secret_value()},
                    "triton": {"grpc": self.triton.addresses.grpc, **PATIENCE},
                },
            ) as scene:
                yield scene, await scene.call()


@pytest.fixture(scope="module")
def house(asterisk: AsteriskServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    require()
    repository, folder = exported(tmp_path_factory.mktemp("models")), tmp_path_factory.mktemp("house")
    random = np.random.default_rng(5)
    latents = Latents(random.standard_normal((32, WIDTH)).astype(np.float16), random.random(512, np.float32))
    write(folder / "house.npz", latents, name="house")
    with Run() as run:
        server = TritonServer(run, repository)
        server.start()
        assert server.failed == {}
        yield House(asterisk, server, folder)


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


async def turn(talk: Talk, pcm: Pcm) -> None:
    """The caller says it, and the other hears all of it."""
    before = len(talk.clauses("a"))
    talk.phones["a"].say(pcm)
    async with asyncio.timeout(TURN_S):
        while len(talk.clauses("a")) == before or talk.conversation.balance.open:
            await asyncio.sleep(0.05)


def heard(talk: Talk) -> bool:
    """All that was said was heard."""
    return all(one.outcome is Outcome.PLAYED for one in talk.seen.deliveries if one.listener == "b")


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
