"""Who speaks on a call, by scripted encoders: the owner is told from others, and whoever is not known is not cloned."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from controller.audio.g711 import telephone
from controller.engines.embed import VoiceEncoders
from controller.errors import EngineUnavailable
from controller.frames import Pcm
from controller.triton.contracts import Embedding
from controller.voices.claim import LOOKS_S, STRICTER, Claim
from controller.voices.keeper import Person
from controller.voices.library import Library
from controller.voices.patience import RETRIES
from controller.voices.profile import BANDS, Profile
from controller.voices.quality import COMPARISON, Take, listen
from controller.voices.standing import Because, State
from controller.voices.turn import Turn
from tests.fakes.fake_encoders import IDENTITY, FakeEncoders, somebody
from tests.fakes.fake_profiles import AGREED
from tests.unit.test_keeper import ANA, BOB, Rig, some

Found = tuple[State, Because]


class AsAlike(FakeEncoders):
    """Whoever speaks is as much like a profile as is said."""

    def __init__(self, profile: Profile, *likeness: float) -> None:
        super().__init__()
        self.heard_s: list[float] = []
        self._profile, self._likeness = profile, list(likeness)

    async def identity(self, pcm: Pcm, network: str = "") -> Embedding:
        self._ask("identity")
        self.heard_s.append(len(pcm) / 16_000)
        band = BANDS.index(listen(Take("x", pcm, 16_000), COMPARISON).quality.band)
        alike = self._likeness[0] if len(self._likeness) == 1 else self._likeness.pop(0)
        towards = self._profile.identity[band].astype(np.float64)
        away = np.random.default_rng(1).standard_normal(256)
        away -= away @ towards * towards
        vector = alike * towards + np.sqrt(1 - alike**2) * away / np.linalg.norm(away)
        return Embedding(vector.astype(np.float32), IDENTITY)


async def quiet() -> None:
    """Wait until nothing is under way beside the test."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


async def speak(claim: Claim, pitch: float = ANA, times: int = 1, first: int = 20) -> None:
    """So many turns of 6 s, more than 3 s of it speech."""
    for seed in range(first, first + times):
        claim.hear(Turn(somebody(pitch, seed=seed)))
        await quiet()


def found(claim: Claim) -> Found:
    return claim.standing.state, claim.standing.because


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    made = Rig(tmp_path / "voices")
    made.enrolled()
    return made


def spoken(rig: Rig, pitch: float = ANA, times: int = 1, encoders: VoiceEncoders | None = None) -> Claim:
    claim = Claim(rig.library, "ana", encoders or rig.encoders)
    rig.do(speak(claim, pitch, times))
    return claim


def test_the_owner_is_known(rig: Rig) -> None:
    claim = spoken(rig)
    assert found(claim) == (State.CONFIRMED, Because.ALIKE)
    assert claim.profile is not None
    assert claim.profile.name == "ana"


def test_another_is_refused_in_the_end_and_not_cloned_before(rig: Rig) -> None:
    claim = spoken(rig, BOB)
    assert found(claim) == (State.NOT_YET, Because.UNLIKE)
    assert claim.profile is None
    rig.do(speak(claim, BOB, 3, first=30))
    assert found(claim) == (State.REFUSED, Because.UNLIKE)
    assert claim.profile is None
    asked = len(rig.encoders.asked)
    rig.do(speak(claim, ANA, 2))
    assert found(claim)[0] is State.REFUSED, "who was refused is not asked about again"
    assert len(rig.encoders.asked) == asked


def test_only_speech_counts(rig: Rig) -> None:
    """Twenty seconds of line with two of speech in them are two seconds."""
    rig.encoders.asked.clear()
    claim = Claim(rig.library, "ana", rig.encoders)
    word = np.concatenate([np.zeros(96_000, np.int16), somebody(ANA, seed=20)[:16_000], np.zeros(48_000, np.int16)])

    async def act() -> None:
        for _ in range(2):
            claim.hear(Turn(word))
            await quiet()

    rig.do(act())
    assert found(claim) == (State.NOT_YET, Because.TOO_LITTLE)
    assert rig.encoders.asked == []
    rig.do(speak(claim))
    assert found(claim)[0] is State.CONFIRMED


def test_it_is_decided_by_all_that_was_said(rig: Rig) -> None:
    encoders = AsAlike(rig.store.get("ana"), 0.3)
    claim = spoken(rig, ANA, 6, encoders)
    assert found(claim) == (State.REFUSED, Because.UNLIKE)
    first, second, third = sorted(set(encoders.heard_s))
    assert first >= LOOKS_S[0]
    assert second > 1.5 * first
    assert third > 1.5 * second


@pytest.mark.parametrize(
    ("likeness", "state"),
    [
        ((0.57 + STRICTER - 0.01,), State.REFUSED),
        ((0.57 + STRICTER + 0.01,), State.CONFIRMED),
        ((0.3, 0.3, 0.57 + STRICTER + 0.01), State.CONFIRMED),
    ],
)
def test_three_looks_are_no_easier_than_one(rig: Rig, likeness: tuple[float, ...], state: State) -> None:
    """A recording alone is the owner's from 0.57 on."""
    doubled = [one for one in likeness for _ in range(2)]  # each look asks as recorded, and as through a telephone
    claim = spoken(rig, ANA, 6, AsAlike(rig.store.get("ana"), *(doubled if len(likeness) > 1 else likeness)))
    assert claim.standing.state is state


@pytest.mark.parametrize(("likeness", "state"), [(0.8 + STRICTER - 0.01, "not_yet"), (0.81 + STRICTER, "confirmed")])
def test_a_telephone_has_a_threshold_of_its_own(rig: Rig, likeness: float, state: str) -> None:
    claim = Claim(rig.library, "ana", AsAlike(rig.store.get("ana"), likeness))

    async def act() -> None:
        claim.hear(Turn(telephone(somebody(ANA, seed=20))))
        await quiet()

    rig.do(act())
    assert claim.standing.state == state


def test_a_call_is_taken_as_it_is(rig: Rig) -> None:
    """Noise and clipping at which nobody is enrolled."""
    pcm = somebody(ANA, seed=20).astype(np.float64)
    rough = np.clip(3 * (pcm + np.random.default_rng(0).standard_normal(len(pcm)) * 1500), -9000, 9000).astype(np.int16)
    assert listen(Take("x", rough, 16_000)).trouble is not None
    claim = Claim(rig.library, "ana", AsAlike(rig.store.get("ana"), 0.9))

    async def act() -> None:
        claim.hear(Turn(rough))
        await quiet()

    rig.do(act())
    assert found(claim)[0] is State.CONFIRMED


# The profile is another one now


def test_a_profile_that_took_its_place_is_compared_anew(rig: Rig) -> None:
    claim = spoken(rig)
    assert claim.profile is not None
    rig.do(rig.keeper.calibrate("ana", some(BOB)))
    assert found(claim) == (State.NOT_YET, Because.TOO_LITTLE)
    assert claim.profile is None
    rig.do(speak(claim, ANA, 4))
    assert found(claim) == (State.REFUSED, Because.UNLIKE)


def test_another_of_the_same_name_and_version_is_not_taken_for_it(rig: Rig) -> None:
    claim = spoken(rig)
    rig.do(rig.keeper.delete("ana"))
    assert found(claim) == (State.REFUSED, Because.UNUSABLE)
    made = rig.enrolled(pitch=BOB)
    assert made.version == 1
    assert claim.profile is None
    rig.do(speak(claim, BOB, first=40))
    assert found(claim)[0] is State.CONFIRMED, "who owns it now is known"


@pytest.mark.parametrize("said_more", [False, True])
def test_what_is_found_of_a_profile_that_was_replaced_meanwhile_does_not_count(rig: Rig, said_more: bool) -> None:
    class Slow(FakeEncoders):
        async def identity(self, pcm: Pcm, network: str = "") -> Embedding:
            begun.set()
            await go_on.wait()
            return await super().identity(pcm, network)

    begun, go_on = asyncio.Event(), asyncio.Event()
    claim = Claim(rig.library, "ana", Slow())

    async def act() -> None:
        claim.hear(Turn(somebody(ANA, seed=20)))
        await begun.wait()
        await rig.keeper.calibrate("ana", some(BOB))
        if said_more:
            claim.hear(Turn(somebody(ANA, seed=21)[:16_000]))
        go_on.set()
        await quiet()

    rig.do(act())
    assert claim.standing.state is State.NOT_YET
    assert claim.profile is None


def test_what_another_process_replaced_just_now_is_not_taken_for_it(rig: Rig) -> None:
    """The library will know in two seconds; a profile that it fetches anew is the new one before that."""
    library = Library(rig.store, cached=1)
    rig.do(library.refresh())
    rig.do(rig.keeper.enrol("eve", some(BOB), Person(consent=AGREED)))
    early, late = (Claim(library, "ana", rig.encoders) for _ in range(2))

    async def act() -> None:
        await speak(early)
        assert early.profile is not None
        await rig.keeper.calibrate("ana", some(BOB))
        await library.load("eve")  # and the old one is in memory no more
        assert early.profile is None
        await quiet()
        assert early.profile is None, "it is there again, and is another's"
        await speak(late, BOB)
        assert late.standing.state is State.NOT_YET
        await library.refresh()
        await speak(late, BOB)
        assert late.standing.state is State.CONFIRMED

    rig.do(act())


def test_what_is_revoked_or_deleted_in_mid_call_is_not_used_any_more(rig: Rig) -> None:
    claim = spoken(rig)
    rig.do(rig.keeper.revoke("ana"))
    assert claim.profile is None
    assert found(claim) == (State.REFUSED, Because.UNUSABLE)
    assert "was revoked" in claim.standing.why
    rig.do(rig.keeper.delete("ana"))
    assert claim.profile is None
    assert found(claim) == (State.REFUSED, Because.UNUSABLE)


# Nobody can say


def test_the_encoder_that_the_profile_was_made_by_is_asked(rig: Rig) -> None:
    """Another one has come to Triton, and enrols from now on."""
    rig.encoders.model, rig.encoders.also = "ecapa_tdnn:192:00112233aabbccdd", {"campplus": IDENTITY}
    assert found(spoken(rig))[0] is State.CONFIRMED
    assert rig.do(rig.keeper.verify("ana", some(first=9)[0])).same


def test_what_other_weights_made_is_never_compared(rig: Rig) -> None:
    rig.encoders.model = "campplus:192:ffffffffffffffff"
    claim = spoken(rig)
    assert found(claim) == (State.UNKNOWN, Because.MODEL)
    assert "campplus:192:ffffffffffffffff is asked now" in claim.standing.why
    asked = len(rig.encoders.asked)
    rig.do(speak(claim, ANA, 3))
    assert len(rig.encoders.asked) == asked, "and is not asked again"


def test_random_weights_verify_nobody_and_are_not_asked(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "random", encoders=FakeEncoders("campplus:192:00112233:structural"))
    rig.enrolled()
    rig.encoders.asked.clear()
    claim = spoken(rig, ANA, 2)
    assert found(claim) == (State.UNKNOWN, Because.MODEL)
    assert claim.profile is None
    assert rig.encoders.asked == []


def test_an_encoder_that_is_gone_is_asked_ever_seldomer(rig: Rig) -> None:
    class Gone(FakeEncoders):
        tried = 0

        async def identity(self, pcm: Pcm, network: str = "") -> Embedding:
            self.tried += 1
            raise EngineUnavailable("Triton is gone", engine="campplus")

    encoders = Gone()
    claim = Claim(rig.library, "ana", encoders)
    at = []

    async def act() -> None:
        for turn in range(40):
            before = encoders.tried
            claim.hear(Turn(somebody(ANA, seed=20)))
            await quiet()
            if encoders.tried > before:
                at.append(turn)

    rig.do(act())
    assert found(claim) == (State.UNKNOWN, Because.ENCODER)
    assert "Triton is gone" in claim.standing.why
    assert at == [0, *(2**one - 1 for one in range(1, RETRIES + 1))]


def test_an_encoder_that_comes_back_confirms_yet(rig: Rig) -> None:
    rig.encoders.failing = EngineUnavailable("Triton is gone", engine="campplus")
    claim = spoken(rig, ANA, 2)
    assert found(claim) == (State.UNKNOWN, Because.ENCODER)
    assert claim.profile is None
    rig.encoders.failing = None
    rig.do(speak(claim, ANA, 2))
    assert found(claim)[0] is State.CONFIRMED


def test_what_cannot_be_foreseen_costs_the_clone_only(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeEncoders):
        async def identity(self, pcm: Pcm, network: str = "") -> Embedding:
            raise ZeroDivisionError("never seen")

    claim = spoken(rig, encoders=Broken())
    assert found(claim) == (State.UNKNOWN, Because.ENCODER)
    assert "verifying ana failed" in caplog.text


def test_after_the_call_nothing_is_heard(rig: Rig) -> None:
    rig.encoders.asked.clear()

    async def act() -> Claim:
        claim = Claim(rig.library, "ana", rig.encoders)
        claim.hear(Turn(somebody(ANA, seed=20)))
        await claim.close()
        await speak(claim, ANA, 2)
        return claim

    claim = rig.do(act())
    assert rig.encoders.asked == []
    assert claim.profile is None


def test_without_consent_nothing_is_heard(rig: Rig) -> None:
    rig.store.update(replace(rig.store.get("ana"), consent=None))
    rig.do(rig.library.refresh())
    rig.encoders.asked.clear()
    claim = spoken(rig)
    assert found(claim) == (State.REFUSED, Because.UNUSABLE)
    assert rig.encoders.asked == []
