"""Who speaks on a call, by scripted encoders: the owner is told from others, and whoever is not known is not cloned."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controller.errors import EngineUnavailable
from controller.voices.claim import TRIES, Claim, State
from tests.fakes.fake_encoders import FakeEncoders, somebody
from tests.unit.test_keeper import ANA, BOB, Rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    made = Rig(tmp_path / "voices")
    made.enrolled()
    return made


async def spoken(claim: Claim, pitch: float, times: int = 1) -> None:
    for seed in range(times):
        claim.hear(somebody(pitch, seed=20 + seed))
        if claim._task is not None:
            await asyncio.wait([claim._task])


def claimed(rig: Rig, pitch: float, times: int = 1) -> Claim:
    claim = Claim(rig.library, "ana", rig.encoders)
    rig.do(spoken(claim, pitch, times))
    return claim


def test_before_enough_was_heard_nobody_is_cloned(rig: Rig) -> None:
    async def act() -> None:
        claim = Claim(rig.library, "ana", rig.encoders)
        claim.hear(somebody(ANA, seed=20)[:16_000])
        assert claim._task is None
        assert (claim.state, claim.profile) == (State.UNKNOWN, None)

    rig.do(act())


def test_the_owner_is_known(rig: Rig) -> None:
    claim = claimed(rig, ANA)
    assert claim.state is State.VERIFIED
    assert claim.profile is not None
    assert claim.profile.name == "ana"


def test_another_is_refused_in_the_end(rig: Rig) -> None:
    claim = claimed(rig, BOB, TRIES - 1)
    assert (claim.state, claim.profile) == (State.UNKNOWN, None)
    claim = claimed(rig, BOB, TRIES)
    assert (claim.state, claim.profile) == (State.REFUSED, None)
    assert "is the least" in claim.why


def test_what_is_revoked_in_mid_call_is_not_used_any_more(rig: Rig) -> None:
    claim = claimed(rig, ANA)
    rig.do(rig.keeper.revoke("ana"))
    assert claim.profile is None


def test_what_is_deleted_in_mid_call_is_not_used_any_more(rig: Rig) -> None:
    claim = claimed(rig, ANA)
    rig.do(rig.keeper.delete("ana"))
    assert claim.profile is None


@pytest.mark.parametrize("model", ["campplus:192:ffffffffffffffff", "ecapa_tdnn:192:00112233aabbccdd"])
def test_what_another_model_made_is_never_compared(rig: Rig, model: str) -> None:
    rig.encoders = FakeEncoders(model)
    claim = claimed(rig, ANA)
    assert claim.state is State.REFUSED
    assert f"not by {model}" in claim.why


def test_random_weights_verify_nobody(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "random", encoders=FakeEncoders("campplus:192:structural:00112233"))
    rig.enrolled()
    claim = claimed(rig, ANA, TRIES)
    assert (claim.state, claim.profile) == (State.REFUSED, None)


def test_an_encoder_that_is_gone_costs_the_clone_only(rig: Rig) -> None:
    rig.encoders.failing = EngineUnavailable("Triton is gone", engine="campplus")
    claim = claimed(rig, ANA, TRIES)
    assert (claim.state, claim.profile) == (State.REFUSED, None)
    assert "Triton is gone" in claim.why
