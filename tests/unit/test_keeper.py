"""What can be done with voices, by scripted encoders: nothing is claimed that is not known, nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from controller.engines.registry import EngineContext
from controller.engines.tts import xtts_v2
from controller.errors import EngineRejected, EngineUnavailable, VoiceError
from controller.settings import TritonSettings
from controller.voices.calibration import NotEnough
from controller.voices.keeper import Keeper, Person
from controller.voices.latents import write
from controller.voices.library import Library
from controller.voices.likeness import NoClaim
from controller.voices.objects import Folder
from controller.voices.profile import Profile, told
from controller.voices.quality import Take
from controller.voices.store import Changed, NoVoice, VoiceStore
from tests.fakes.fake_encoders import IDENTITY, FakeEncoders, somebody
from tests.fakes.fake_profiles import AGREED
from tests.fakes.fake_triton import FakeTriton
from tests.unit.test_voices import latents

ANA, BOB = 200.0, 105.0
T = TypeVar("T")


def some(pitch: float = ANA, count: int = 3, first: int = 0) -> list[Take]:
    return [Take(f"{seed}.wav", somebody(pitch, seed=seed), 16_000) for seed in range(first, first + count)]


class Rig:
    """A keeper of a folder."""

    def __init__(self, folder: Path, key: str = "key", encoders: FakeEncoders | None = None) -> None:
        self.encoders = encoders or FakeEncoders()
        self.store = VoiceStore(Folder(folder), key)
        self.library = Library(self.store)
        self.keeper = Keeper(self.library, self.encoders)

    def enrolled(self, name: str = "ana", pitch: float = ANA, person: Person | None = None) -> Profile:
        agreed = person or Person("Ana Peña", ("100",), ("es",), AGREED)
        return self.do(self.keeper.enrol(name, some(pitch), agreed))[0]

    def do(self, act: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(act)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "voices")


def test_who_enrolled_is_found_by_name_and_number(rig: Rig) -> None:
    made = rig.enrolled()
    assert (made.version, made.user, made.languages, made.usable) == (1, "Ana Peña", ("es",), None)
    assert made.has_recordings
    for found in (rig.library.whose(name="ana"), rig.library.whose(caller="100")):
        assert found is not None
        assert found.name == "ana"
    with pytest.raises(Changed, match="There is a voice ana already"):
        rig.enrolled()
    with pytest.raises(NotEnough):
        rig.do(rig.keeper.enrol("bob", some(count=2), Person()))
    with pytest.raises(VoiceError, match="is no name for a voice"):
        rig.do(rig.keeper.enrol("../bob", some(), Person()))
    assert list(rig.store.versions()) == ["ana"]


def test_without_a_key_no_recording_is_kept(tmp_path: Path) -> None:
    rig = Rig(tmp_path, key="")
    rig.enrolled()
    assert not rig.store.get("ana").has_recordings
    with pytest.raises(VoiceError, match=r"The recordings of the voice ana were not kept, since no key was set"):
        rig.do(rig.keeper.rebuild("ana"))


def test_a_voice_is_calibrated_anew_and_the_old_one_forgotten(rig: Rig) -> None:
    old = rig.enrolled()
    looked_at, made = rig.do(rig.keeper.calibrate("ana", some(first=5), keep=False))
    assert (looked_at.version, len(made.clips)) == (1, 3)
    new, _ = rig.do(rig.keeper.calibrate("ana", some(first=5)))
    assert (new.version, new.consent, new.user) == (2, old.consent, old.user)
    forgotten = [one.gpt_conditioning.tobytes() for one in rig.encoders.forgotten if one is not None]
    assert all(one.latents.gpt_conditioning.tobytes() in forgotten for one in old.clips)
    with pytest.raises(NoVoice):
        rig.do(rig.keeper.calibrate("bob", some()))


def test_a_voice_is_made_anew_for_another_model(rig: Rig) -> None:
    rig.enrolled()
    rig.encoders.model = "ecapa_tdnn:192:ffeeddccbbaa9988"
    clip = some(first=7)[0]
    with pytest.raises(VoiceError, match=r"was made by campplus:.* and ecapa_tdnn:.* is asked now.*voice rebuild"):
        rig.do(rig.keeper.verify("ana", clip))
    assert rig.do(rig.keeper.similar(clip)) == []
    new, made = rig.do(rig.keeper.rebuild("ana"))
    assert new.encoders is not None
    assert (new.version, new.encoders.identity.id, made.refused) == (2, rig.encoders.model, ())
    assert rig.do(rig.keeper.verify("ana", clip)).same


def test_its_owner_is_verified_and_another_is_not(rig: Rig) -> None:
    rig.enrolled()
    rig.enrolled("bob", BOB, Person())
    for who, same in ((ANA, True), (BOB, False)):
        verdict = rig.do(rig.keeper.verify("ana", some(who, 1, first=9)[0]))
        assert verdict.same == same
        assert (verdict.band, verdict.encoder) == ("wideband", IDENTITY)
        line = Take("line", somebody(who, seed=9, rate=8000), 8000)
        verdict = rig.do(rig.keeper.verify("ana", line))
        assert (verdict.same, verdict.band) == (same, "telephone")
        assert verdict.told()["threshold"] == verdict.threshold
    found = rig.do(rig.keeper.similar(some(BOB, 1, first=9)[0]))
    assert [name for name, _ in found] == ["bob", "ana"]
    assert [name for name, _ in rig.do(rig.keeper.similar_to("ana"))] == ["bob"]
    with pytest.raises(NoVoice):
        rig.do(rig.keeper.similar_to("eve"))


def test_random_weights_claim_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, encoders=FakeEncoders(f"{IDENTITY}:structural"))
    rig.enrolled()
    clip = some(first=7)[0]
    for act in (rig.keeper.verify("ana", clip), rig.keeper.similar(clip), rig.keeper.similar_to("ana")):
        with pytest.raises(NoClaim, match="random weights: it tells nobody from anybody"):
            rig.do(act)


def test_without_consent_a_voice_is_kept_and_not_used(rig: Rig) -> None:
    rig.enrolled(person=Person("Ana", ("100",)))
    assert rig.library.whose(name="ana") is None
    assert rig.library.whose(caller="100") is None
    assert rig.do(rig.keeper.consent("ana", AGREED)).usable is None
    assert rig.library.whose(caller="100") is not None


@pytest.mark.parametrize("how", ["revoke", "delete"])
@pytest.mark.parametrize("key", ["", "key"])
def test_nothing_is_left_of_a_voice(how: str, key: str, tmp_path: Path) -> None:
    rig = Rig(tmp_path / "voices", key)
    profile = rig.enrolled()

    def on_disk() -> list[bytes]:
        return [path.read_bytes() for path in (tmp_path / "voices").rglob("*") if path.is_file()]

    if not key:
        assert profile.identity.tobytes() in on_disk()[0], "so would it be found"

    async def gone() -> None:
        held = await rig.library.load("ana")
        assert rig.library.held("ana") is held
        gone = await (rig.keeper.revoke("ana") if how == "revoke" else rig.keeper.delete("ana"))
        assert gone.untold is None
        await rig.library.refresh()
        assert rig.library.held("ana") is None
        assert rig.library.whose(name="ana") is None
        assert rig.library.whose(caller="100") is None
        assert not rig.library._held
        card = rig.library.card("ana")
        assert card is None or not card.identity.any()

    rig.do(gone())
    traces = [profile.identity.tobytes(), profile.style.tobytes(), profile.speaker.tobytes()]
    for clip in profile.clips:
        assert clip.pcm is not None
        arrays = (clip.pcm, clip.identity, clip.style, clip.latents.gpt_conditioning, clip.latents.speaker)
        traces += [array.tobytes()[2000:2200] or array.tobytes() for array in arrays]
    left = on_disk()
    assert not any(trace in content for trace in traces for content in left)
    assert len(left) == (1 if how == "revoke" else 0)
    assert sum(map(len, left)) < 4000, "whose it was, and that it must not be used"
    forgotten = {one.gpt_conditioning.tobytes() for one in rig.encoders.forgotten if one is not None}
    assert forgotten == {one.gpt_conditioning.tobytes() for one in profile.timbres}
    assert len(forgotten) == 4, "each clip's latents, and their mean"


def test_a_revoked_voice_may_be_enrolled_anew(rig: Rig) -> None:
    rig.enrolled()
    rig.do(rig.keeper.revoke("ana"))
    for act in (rig.keeper.consent("ana", AGREED), rig.keeper.verify("ana", some()[0])):
        with pytest.raises(VoiceError, match="revoked"):
            rig.do(act)
    assert rig.enrolled().version == 3
    assert rig.library.whose(name="ana") is not None


def test_a_server_that_is_away_keeps_nobody_from_leaving(rig: Rig) -> None:
    rig.enrolled()
    rig.encoders.failing = EngineUnavailable("xtts_v2 cannot be reached or is busy: gone", engine="xtts_v2")
    gone = rig.do(rig.keeper.delete("ana"))
    assert "could not be told to forget the voice (xtts_v2 cannot be reached" in (gone.untold or "")
    assert "10 minutes" in (gone.untold or "")
    assert rig.store.versions() == {}


def test_a_voice_that_cannot_be_read_can_be_deleted(rig: Rig, tmp_path: Path) -> None:
    rig.enrolled()
    other = Rig(tmp_path / "voices", "another key")
    with pytest.raises(VoiceError, match=r"The key does not open .*delete the voice ana"):
        other.do(other.keeper.revoke("ana"))
    other.do(other.keeper.delete("ana"))
    assert other.encoders.forgotten == [None], "nobody knows its latents, so all are forgotten"
    assert rig.store.versions() == {}


# Spoken with


def engine(rig: Rig, tmp_path: Path, triton: FakeTriton) -> xtts_v2.XttsV2:
    write(tmp_path / "house.npz", latents(), name="house")
    options = {"voice": str(tmp_path / "house.npz"), "voices": {"bob": str(tmp_path / "house.npz")}}
    return xtts_v2.make(EngineContext(triton, TritonSettings(), options, profiles=rig.library))


async def said(voice: xtts_v2.XttsV2, who: str) -> int:
    async with aclosing(voice.narrate("Hola.", "es", voice=who)) as sound:
        return sum([len(pcm) async for pcm in sound])


def test_xtts_speaks_with_a_profile_by_its_name(rig: Rig, tmp_path: Path) -> None:
    profile = rig.enrolled()
    rig.enrolled("bob", BOB)
    rig.enrolled("eve", 150.0, Person("Eve"))
    triton = FakeTriton([np.ones(2400, np.int16)])
    tts = engine(rig, tmp_path, triton)
    assert tts.voices == ("default", "bob", "ana")
    assert rig.do(said(tts, "ana")) == 2400
    assert np.array_equal(triton.asked[-1].inputs["GPT_COND_LATENT"], profile.latents.gpt_conditioning)
    assert np.array_equal(triton.asked[-1].inputs["SPEAKER_EMBEDDING"], profile.speaker)
    rig.do(said(tts, "bob"))
    assert np.array_equal(triton.asked[-1].inputs["GPT_COND_LATENT"], latents().gpt_conditioning), "a file goes before"
    for who, why in (("eve", "Nobody has consented"), ("nobody", "There is no voice nobody"), ("../x", "is no name")):
        with pytest.raises(EngineRejected, match=why):
            rig.do(said(tts, who))
    assert len(triton.asked) == 2


def test_what_is_being_said_goes_on_when_its_voice_is_deleted(rig: Rig, tmp_path: Path) -> None:
    rig.enrolled()
    triton = FakeTriton([np.ones(2400, np.int16), np.ones(2400, np.int16)])
    tts = engine(rig, tmp_path, triton)

    async def main() -> None:
        async with aclosing(tts.narrate("Hola.", "es", voice="ana")) as sound:
            assert len(await anext(sound)) == 2400
            await rig.keeper.delete("ana")
            assert [len(pcm) async for pcm in sound] == [2400]
        with pytest.raises(EngineRejected, match="There is no voice ana"):
            await said(tts, "ana")
        assert tts.voices == ("default", "bob")
        assert await said(tts, "default") == 4800

    rig.do(main())


def test_a_profile_says_what_it_is_and_no_number_of_the_voice(rig: Rig) -> None:
    about = told(rig.enrolled())
    assert (about["usable"], about["structural"], about["recordings_kept"]) == (True, False, True)
    assert {clip["band"] for clip in about["clips"]} == {"wideband"}
    assert about["encoders"]["identity"] == {"id": IDENTITY}
    assert len(str(about)) < 3000
    empty = told(replace(rig.store.get("ana"), clips=(), encoders=None))
    assert (empty["usable"], empty["structural"]) == (False, False)
