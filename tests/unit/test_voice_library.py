"""Voices in memory: known without waiting, fetched beside, gone as soon as they are gone from the store."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from controller.errors import VoiceError
from controller.voices.library import Library
from controller.voices.objects import Folder, at
from controller.voices.profile import Consent, Encoder, Profile
from controller.voices.store import NoVoice, Seen, VoiceStore
from tests.fakes.fake_encoders import IDENTITY
from tests.fakes.fake_profiles import AGREED, a_clip, a_profile


@pytest.fixture
def store(tmp_path: Path) -> VoiceStore:
    return VoiceStore(Folder(tmp_path / "voices"), "key")


@pytest.fixture(params=["folder", "memory"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> VoiceStore:
    where = {"folder": str(tmp_path / "voices"), "memory": f"memory://{tmp_path.name}"}
    return VoiceStore(at(where[request.param]), "key")


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.01)


def test_a_call_finds_its_voice_without_waiting(store: VoiceStore) -> None:
    store.create(a_profile("ana", 1, callers=("100", "+34600")))
    store.create(a_profile("bob", 2, callers=("200",)))
    store.create(a_profile("eve", 3, callers=("300",), consent=None))

    async def main() -> None:
        library = Library(store)
        await library.open()
        for asked, found in (({"caller": "100"}, "ana"), ({"name": "bob", "caller": "100"}, "bob")):
            card = library.whose(**asked)
            assert card is not None
            assert card.name == found
        for nobody in ({"caller": "999"}, {}, {"name": "nobody", "caller": ""}, {"caller": "300"}, {"name": "eve"}):
            assert library.whose(**nobody) is None
        assert library.held("ana") is None, "it is fetched beside"
        await until(lambda: library.held("ana"))
        held = library.held("ana")
        assert held is not None
        assert held.clips[0].pcm is None, "recordings stay where they are"
        assert library.held("ana") is held
        assert library.held("eve") is None, "nobody has consented"
        assert library.names == ["ana", "bob", "eve"]
        await library.close()

    asyncio.run(main())


def test_no_more_are_held_than_wanted(store: VoiceStore) -> None:
    for number, name in enumerate(("a", "b", "c")):
        store.create(a_profile(name, number))

    async def main() -> None:
        library = Library(store, cached=2)
        await library.refresh()
        one, two = await library.load("a"), await library.load("b")
        assert await library.load("a") is one
        await library.load("c")
        assert await library.load("a") is one
        assert await library.load("b") is not two
        with pytest.raises(NoVoice):
            await library.load("d")

    asyncio.run(main())


def test_what_others_do_is_seen(store: VoiceStore) -> None:
    made = store.create(a_profile("ana", callers=("100",)))

    async def main() -> None:
        library = Library(store, refresh_s=0.01)
        await library.open()
        held = await library.load("ana")
        store.update(replace(made, callers=("200",)))
        store.create(a_profile("bob", 1))
        await until(lambda: library.names == ["ana", "bob"] and library.whose(caller="200"))
        assert library.whose(caller="100") is None
        assert (await library.load("ana")).version == 2
        store.remove("ana")
        store.revoke("bob")
        await until(lambda: library.names == ["bob"] and library.cards[0].version == 2)
        assert library.held("bob") is None
        assert held.latents is not None, "a call goes on with what it holds"
        with pytest.raises(NoVoice):
            await library.load("ana")
        await library.close()

    asyncio.run(main())


def test_nothing_of_what_is_forgotten_stays_in_memory(store: VoiceStore) -> None:
    store.create(a_profile("ana"))
    store.create(a_profile("bob", 1))

    async def main() -> None:
        library = Library(store)
        await library.refresh()
        left = weakref.ref((await library.load("ana")).clips[0].latents.gpt_conditioning)
        looked_for = (await library.load("bob")).identity
        assert len(library.nearest(Encoder(IDENTITY), looked_for[1], looked_for[0], 9)) == 2
        await asyncio.sleep(0)
        store.remove("ana")
        library.forget("ana")
        gc.collect()
        assert left() is None
        assert [name for name, _ in library.nearest(Encoder(IDENTITY), looked_for[1], None, 9)] == ["bob"]
        assert library.card("ana") is None

    asyncio.run(main())


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_was_being_fetched_when_it_was_revoked_is_not_held(
    store: VoiceStore, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    store.create(a_profile("ana"))
    begun, go = threading.Event(), threading.Event()
    read = store.get

    def slow(name: str) -> Profile:
        found = read(name)
        begun.set()
        assert go.wait(20)
        return found

    async def main() -> None:
        library = Library(store)
        await library.refresh()
        monkeypatch.setattr(store, "get", slow)
        task = asyncio.create_task(library.load("ana"))
        await asyncio.to_thread(begun.wait, 20)
        if elsewhere:
            store.revoke("ana")
            await library.refresh()
        else:
            library.forget("ana")
        go.set()
        assert (await task).name == "ana", "who asked before has it"
        assert not library._held

    asyncio.run(main())


@pytest.mark.parametrize("changes", [0, 4])
@pytest.mark.parametrize("consent", [AGREED, None])
def test_another_of_a_deleted_voices_name_is_never_taken_for_it(
    stores: VoiceStore, changes: int, consent: Consent | None
) -> None:
    """Its versions begin anew, and between two looks nobody saw that it was gone."""
    made = stores.create(a_profile("ana", 1, callers=("100",)))
    for _ in range(changes):
        made = stores.update(made)

    async def main() -> None:
        library = Library(stores)
        await library.refresh()
        await library.load("ana")
        stores.remove("ana")
        other = stores.create(a_profile("ana", 2, callers=("200",), consent=consent))
        await library.refresh()
        assert library.whose(caller="100") is None
        assert (library.whose(caller="200") is None) == (consent is None)
        assert np.array_equal((await library.load("ana")).identity, other.identity)

    asyncio.run(main())


def test_what_was_loaded_and_never_seen_goes_too(store: VoiceStore) -> None:
    """Another process made it, and deleted it again, between two looks."""

    async def main() -> None:
        library = Library(store)
        await library.refresh()
        store.create(a_profile("ana"))
        await library.load("ana")
        store.remove("ana")
        await library.refresh()
        assert not library._held

    asyncio.run(main())


def test_who_sounds_most_alike_comes_first(store: VoiceStore) -> None:
    for number in range(20):
        store.create(a_profile(f"v{number}", number, recordings=False))
    other = a_profile("other", 77)
    assert other.encoders is not None
    store.create(replace(other, encoders=replace(other.encoders, identity=Encoder("ecapa_tdnn:192:ff"))))
    narrow = replace(a_clip(900).quality, band="telephone")
    store.create(replace(a_profile("line"), clips=tuple(a_clip(900 + n, quality=narrow) for n in range(3))))

    async def main() -> None:
        library = Library(store)
        await library.refresh()
        for name, row in (("v7", 0), ("v7", 1), ("line", 1)):
            identity = (await library.load(name)).identity
            wideband = identity[0] if row == 0 else None
            found = library.nearest(Encoder(IDENTITY), identity[1], wideband, 3)
            assert (len(found), found[0][0]) == (3, name)
            assert found[0][1] == pytest.approx(1, abs=1e-5)
            assert found[0][1] > found[1][1] >= found[2][1]
        identity = (await library.load("v7")).identity
        everybody = library.nearest(Encoder(IDENTITY), identity[1], identity[0], 99)
        assert len(everybody) == 21, "what another encoder made is not compared"
        assert library.nearest(Encoder("nobody's"), identity[1], None, 3) == []
        store.remove("v7")
        await library.refresh()
        assert "v7" not in dict(library.nearest(Encoder(IDENTITY), identity[1], None, 99))

    asyncio.run(main())


def test_a_voice_that_cannot_be_read_is_told_once_and_the_others_are_there(
    store: VoiceStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.create(a_profile("ana"))
    VoiceStore(Folder(tmp_path / "voices"), "another key").create(a_profile("bob"))

    async def main() -> None:
        library = Library(store)
        await library.refresh()
        await library.refresh()
        assert library.names == ["ana"]
        assert "The key does not open" in library.broken["bob"]
        assert caplog.text.count("the voice bob cannot be used") == 1
        store.remove("bob")
        await library.refresh()
        assert library.broken == {}

    asyncio.run(main())


@pytest.mark.parametrize("error", [VoiceError("The voices cannot be listed: gone."), RuntimeError("what S3 raises")])
def test_a_store_that_fails_leaves_what_was_known(
    store: VoiceStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    store.create(a_profile("ana"))

    tried: list[int] = []

    def fails() -> dict[str, Seen]:
        tried.append(1)
        raise error

    async def main() -> None:
        library = Library(store, refresh_s=0.01)
        await library.open()
        with monkeypatch.context() as patched:
            patched.setattr(store, "seen", fails)
            await until(lambda: len(tried) >= 3)
            assert library.names == ["ana"]
            assert caplog.text.count("voices are used as they were last known") == 1
        store.remove("ana")
        await until(lambda: library.names == [])
        await library.close()

    asyncio.run(main())


def test_the_means_are_of_unit_length() -> None:
    assert np.allclose(np.linalg.norm(a_profile().identity, axis=1), 1)
