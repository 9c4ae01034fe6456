"""Profiles on a disk and in fsspec's memory: what is kept comes back, one of two writers wins, what is gone is gone."""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from controller.errors import VoiceError
from controller.voices import npz, objects
from controller.voices.npz import SCHEMA, packed, read, read_card
from controller.voices.objects import Folder, Taken, at
from controller.voices.profile import Profile
from controller.voices.store import Changed, NoVoice, VoiceStore
from tests.fakes.fake_profiles import a_clip, a_profile

KEY = "correct horse battery staple"


def same(one: Profile, other: Profile, *, recordings: bool) -> bool:
    about = ("name", "version", "created", "user", "callers", "languages", "consent", "encoders")
    if any(getattr(one, name) != getattr(other, name) for name in about) or len(one.clips) != len(other.clips):
        return False
    return all(
        a.name == b.name
        and a.quality == b.quality
        and np.array_equal(a.identity, b.identity)
        and np.array_equal(a.style, b.style)
        and np.array_equal(a.latents.gpt_conditioning, b.latents.gpt_conditioning)
        and np.array_equal(a.latents.speaker, b.latents.speaker)
        and (b.pcm is None if not recordings else np.array_equal(a.pcm, b.pcm) and a.rate == b.rate)  # type: ignore[arg-type]
        for a, b in zip(one.clips, other.clips, strict=True)
    )


def opened(content: bytes, key: str = "") -> Profile:
    return read(io.BytesIO(content), "ana.npz", key)


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., VoiceStore]:
    """Makes stores of one place."""
    if request.param == "folder":
        return lambda **options: VoiceStore(Folder(tmp_path / "voices"), **options)
    pytest.importorskip("fsspec", reason="fsspec is not installed; run `make setup`")
    url = f"memory://{tmp_path.name}/voices"
    return lambda **options: VoiceStore(at(url), **options)


# The file


@pytest.mark.parametrize("key", ["", KEY])
def test_what_is_packed_comes_back(key: str) -> None:
    profile = replace(a_profile(), version=7)
    content = packed(profile, key)
    back = opened(content, key)
    assert same(profile, back, recordings=bool(key))
    assert back.has_recordings == bool(key), "recordings are kept where they are sealed, and nowhere else"
    card = read_card(io.BytesIO(content), "ana.npz", key)
    assert (card.name, card.version, card.clips, card.usable) == ("ana", 7, 3, None)
    assert np.array_equal(card.identity, profile.identity)
    assert card.has_recordings == bool(key)


def test_it_is_an_npz_and_320_numbers() -> None:
    profile = a_profile()
    with np.load(io.BytesIO(packed(profile)), allow_pickle=False) as stored:
        assert SCHEMA in stored["head"].tobytes().decode()
        assert np.array_equal(np.concatenate([stored["identity"][0], stored["style"][0]]), profile.numbers)
    assert profile.numbers.shape == (320,)
    assert np.linalg.norm(profile.numbers[:256]) == pytest.approx(1)


def test_a_sealed_file_tells_nothing() -> None:
    profile = a_profile()
    content = packed(profile, KEY)
    for clip in profile.clips:
        assert clip.pcm is not None
        for array in (clip.pcm, clip.identity, clip.style, clip.latents.gpt_conditioning, clip.latents.speaker):
            assert array.tobytes()[:64] not in content
    assert b"+34600111222" not in content  # as the head has it; of three letters some sealed file has them by chance
    assert packed(profile, KEY) != content, "no nonce is used twice"


def test_a_wrong_key_and_none_are_told() -> None:
    content = packed(a_profile(), KEY)
    with pytest.raises(VoiceError, match=r"The key does not open ana\.npz: it was sealed with another one"):
        opened(content, KEY + "r")
    with pytest.raises(VoiceError, match=r"ana\.npz is sealed: give its key as DRAGOMAN_VOICES__KEY"):
        opened(content)
    assert opened(packed(a_profile()), KEY).name == "ana", "a key that is not needed does no harm"


@pytest.mark.parametrize("key", ["", KEY])
def test_a_file_cut_anywhere_is_told(key: str) -> None:
    content = packed(a_profile(recordings=False), key)
    for cut in [*range(0, 400, 57), *range(400, len(content), len(content) // 40)]:
        with pytest.raises(VoiceError, match=r"ana\.npz is no voice profile, or is damaged"):
            opened(content[:cut], key)


@pytest.mark.parametrize("key", ["", KEY])
def test_a_changed_byte_is_told(key: str) -> None:
    content = packed(a_profile(recordings=False), key)
    with np.load(io.BytesIO(content)) as stored:
        arrays = dict(stored)
    changed = np.array(arrays["clip_identity"])
    changed.reshape(-1).view(np.uint8)[5] ^= 1
    file = io.BytesIO()
    np.savez(file, **{**arrays, "clip_identity": changed})
    with pytest.raises(VoiceError, match="damaged"):
        opened(file.getvalue(), key)
    for place in range(100, len(content), len(content) // 50):
        spoilt = bytearray(content)
        spoilt[place] ^= 0x55
        try:
            back = opened(bytes(spoilt), key)
        except VoiceError:
            continue
        assert same(opened(content, key), back, recordings=False), "what zip does not look at may change"


def test_what_is_no_voice_is_told() -> None:
    profile = a_profile()
    clip = profile.clips[0]
    for wrong, said in (
        (replace(clip, identity=np.full((2, 256), np.nan, np.float32)), "its identity holds what is no number"),
        (replace(clip, identity=np.zeros((2, 192), np.float32)), r"its identity is float32\[2, 192\]"),
        (replace(clip, style=np.zeros((2, 64), np.float64)), r"its style is float64\[2, 64\]"),
    ):
        clips = tuple(replace(wrong, name=str(n)) for n in range(3))
        with pytest.raises(VoiceError, match=f"{said}.*enrol the voice anew"):
            opened(packed(replace(profile, clips=clips)))
    with pytest.raises(VoiceError, match="it does not say what made it"):
        opened(packed(replace(profile, encoders=None)))
    for other in (b"", b"RIFF" * 30, b"PK\x03\x04" + b"x" * 60):
        with pytest.raises(VoiceError, match="is no voice profile"):
            opened(other)
    file = io.BytesIO()
    np.savez(file, head=np.frombuffer(b'{"schema": "dragoman/voice-profile/9", "salt": null}', np.uint8))
    with pytest.raises(VoiceError, match="of another kind"):
        opened(file.getvalue())
    file = io.BytesIO()
    np.savez(file, more=np.zeros(npz.MAX_BYTES + 1, np.int8))
    with pytest.raises(VoiceError, match="too large"):
        opened(file.getvalue())


def test_a_telephone_clip_says_nothing_of_the_wideband_voice() -> None:
    narrow = replace(a_clip(3), quality=replace(a_clip(3).quality, band="telephone"))
    profile = replace(a_profile(), clips=(*a_profile().clips, narrow))
    assert np.allclose(profile.identity[0], a_profile().identity[0])
    assert not np.allclose(profile.identity[1], a_profile().identity[1])
    only = replace(a_profile(), clips=(narrow, narrow, narrow))
    assert np.allclose(only.identity, narrow.identity, atol=1e-6)


# The store


def test_voices_are_made_changed_and_removed(store: Callable[..., VoiceStore]) -> None:
    one = store()
    assert one.versions() == {}
    made = one.create(a_profile())
    assert (made.version, one.versions()) == (1, {"ana": 1})
    changed = one.update(replace(made, languages=("fr",)))
    assert (changed.version, one.versions()) == (2, {"ana": 2})
    assert one.get("ana").languages == ("fr",)
    assert one.card("ana").version == 2
    assert one.card("ana", 1).version == 2, "who asks for one that was just replaced gets the new one"
    one.create(a_profile("bob", 1))
    one.remove("ana")
    assert one.versions() == {"bob": 1}
    for act in (one.get, one.card, one.remove, one.revoke, one.exported):
        with pytest.raises(NoVoice, match=r"There is no voice ana\."):
            act("ana")


def test_a_stale_change_is_refused(store: Callable[..., VoiceStore]) -> None:
    one, other = store(), store()
    made = one.create(a_profile())
    other.update(replace(made, user="other"))
    with pytest.raises(Changed, match="was changed"):
        one.update(replace(made, user="one"))
    other.update(replace(made, version=2, user="again"))
    with pytest.raises(Changed, match="was changed or deleted"):
        one.update(replace(made, user="one"))
    assert one.get("ana").user == "again"
    one.remove("ana")
    with pytest.raises(Changed):
        other.update(replace(made, version=3))
    assert one.versions() == {}, "nothing rises from the dead"


def test_the_same_name_at_once_ends_in_one_winner(store: Callable[..., VoiceStore]) -> None:
    start = threading.Barrier(8)
    won: list[str] = []
    lost: list[str] = []

    def write(number: int) -> None:
        profile = replace(a_profile(recordings=False), user=str(number))
        mine = store()
        start.wait()
        try:
            mine.create(profile)
            won.append(profile.user)
        except Changed as error:
            lost.append(str(error))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)
    assert store().get("ana").user == won[0]
    assert all("The voice ana was changed by somebody else" in one or "already" in one for one in lost)


@pytest.mark.parametrize("name", ["../ana", "a/b", "..", "", "Ana", "a" * 64, "-ana", "ana.npz", "ana\n", "añа"])
def test_no_name_leads_out_of_the_store(name: str, store: Callable[..., VoiceStore], tmp_path: Path) -> None:
    one = store()
    one.create(a_profile("eve"))
    before = sorted(tmp_path.rglob("*"))
    for act in (one.get, one.card, one.remove, one.revoke, one.exported, lambda name: one.create(a_profile(name))):
        with pytest.raises(VoiceError, match="is no name for a voice"):
            act(name)
    assert sorted(tmp_path.rglob("*")) == before


def test_no_more_than_so_many_are_taken(store: Callable[..., VoiceStore]) -> None:
    one = store(most=2)
    one.create(a_profile("a"))
    one.create(a_profile("b"))
    with pytest.raises(VoiceError, match=r"There are 2 voices, which is all that voices\.most allows"):
        one.create(a_profile("c"))


@pytest.mark.parametrize("key", ["", KEY])
def test_a_revoked_voice_leaves_nothing_but_whose_it_was(key: str, store: Callable[..., VoiceStore]) -> None:
    one = store(key=key)
    one.create(a_profile())
    empty = one.revoke("ana")
    assert one.versions() == {"ana": 2}
    back = one.get("ana")
    assert (back.clips, back.encoders, back.user) == ((), None, "Ana Peña")
    assert back.consent is not None
    assert back.consent.revoked
    assert "was revoked: it can be enrolled anew" in (back.usable or "")
    assert one.card("ana").usable == back.usable
    assert one.revoke("ana").consent == empty.consent, "when it was first revoked is what counts"
    assert one.create(a_profile()).version == 4
    with pytest.raises(Changed, match="There is a voice ana already"):
        one.create(a_profile())


def test_a_voice_without_consent_must_not_be_used(store: Callable[..., VoiceStore]) -> None:
    one = store()
    one.create(a_profile(consent=None))
    assert "Nobody has consented" in (one.card("ana").usable or "")
    assert "Nobody has consented" in (one.get("ana").usable or "")


def test_voices_go_from_store_to_store(store: Callable[..., VoiceStore], tmp_path: Path) -> None:
    one, other = store(key=KEY), VoiceStore(Folder(tmp_path / "other"), "another")
    made = one.create(a_profile())
    content = one.exported("ana")
    with pytest.raises(VoiceError, match="The key does not open"):
        other.imported(content, "ana.npz")
    moved = other.imported(content, "ana.npz", key=KEY, name="ana-2")
    assert other.versions() == {"ana-2": 1}
    assert same(replace(made, name="ana-2"), other.get("ana-2"), recordings=True)
    assert moved.consent == made.consent
    with pytest.raises(Changed):
        other.imported(content, "ana.npz", key=KEY, name="ana-2")
    one.revoke("ana")
    with pytest.raises(VoiceError, match="holds nothing of a voice any more"):
        other.imported(one.exported("ana"), "ana.npz", key=KEY)


def test_a_voice_under_anothers_name_is_not_taken_for_theirs(tmp_path: Path) -> None:
    one = VoiceStore(Folder(tmp_path))
    one.create(a_profile())
    (tmp_path / "eve").mkdir()
    (tmp_path / "ana/000001.npz").rename(tmp_path / "eve/000001.npz")
    with pytest.raises(VoiceError, match="is the voice of ana"):
        one.get("eve")


def test_one_salt_serves_all_that_one_key_seals(tmp_path: Path) -> None:
    VoiceStore(Folder(tmp_path), KEY).create(a_profile("a"))
    VoiceStore(Folder(tmp_path), KEY).create(a_profile("b"))
    salts = set()
    for path in tmp_path.rglob("*.npz"):
        with path.open("rb") as file:
            salts.add(npz.salt_of(file))
    assert len(salts) == 1
    assert all(len(one) == 16 for one in salts)


# A disk


def test_only_its_user_may_read_it(tmp_path: Path) -> None:
    VoiceStore(Folder(tmp_path / "voices")).create(a_profile())
    for path in (tmp_path / "voices", *(tmp_path / "voices").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("step", ["write", "fsync", "link"])
def test_a_full_disk_is_told_and_leaves_what_was(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = VoiceStore(Folder(tmp_path))
    made = one.create(a_profile())
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fails(*_: object, **__: object) -> None:
        raise full

    class Full(io.FileIO):
        write = fails  # type: ignore[assignment]

    if step == "write":
        monkeypatch.setattr(os, "fdopen", Full)
    else:
        monkeypatch.setattr(os, step, fails)
    with pytest.raises(VoiceError, match=r"The voice ana cannot be written to .*: No space left on device"):
        one.update(replace(made, user="other"))
    with pytest.raises(VoiceError, match="No space left"):
        one.create(a_profile("bob"))
    monkeypatch.undo()
    assert one.versions() == {"ana": 1}
    assert one.get("ana").user == "Ana Peña"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["000001.npz"], "nothing half-written is left"


def test_what_a_kill_left_half_written_is_no_voice_and_goes_with_it(tmp_path: Path) -> None:
    one = VoiceStore(Folder(tmp_path))
    one.create(a_profile())
    (tmp_path / "ana" / f"{objects.HALF}-1-aa").write_bytes(b"half of a voice")
    (tmp_path / "eve").mkdir()
    (tmp_path / "eve" / f"{objects.HALF}-1-aa").write_bytes(b"half of a voice")
    assert one.versions() == {"ana": 1}
    one.remove("ana")
    assert not (tmp_path / "ana").exists()
    one.sweep(older_s=0.0)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(VoiceError, match=r"The voices in .*file cannot be listed: Not a directory"):
        VoiceStore(Folder(tmp_path / "file")).create(a_profile())
    pytest.importorskip("fsspec", reason="fsspec is not installed; run `make setup`")
    with pytest.raises(VoiceError, match="nonesuch://x cannot be reached"):
        at("nonesuch://x")


def test_an_object_is_never_written_over(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.create("a/000001.npz", b"one")
    with pytest.raises(Taken):
        folder.create("a/000001.npz", b"other")
    with folder.open("a/000001.npz") as file:
        assert file.read() == b"one"
    assert at(f"file://{tmp_path}").names() == ["a/000001.npz"]
