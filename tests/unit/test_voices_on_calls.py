"""Whose voice somebody on a call claims: as the dialplan names it, or by their number."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from controller.voices.library import Library
from controller.voices.objects import Folder
from controller.voices.on_calls import NEUTRAL, OwnVoices
from controller.voices.store import VoiceStore
from tests.fakes.fake_encoders import FakeEncoders
from tests.fakes.fake_profiles import a_profile


@pytest.mark.parametrize(
    ("named", "number", "found", "said"),
    [
        ("", "100", "ana", ""),
        ("", "999", "", ""),
        ("", "", "", ""),
        ("bob", "100", "bob", ""),
        (NEUTRAL, "100", "", ""),
        ("nobody", "100", "", "the voice 'nobody' that the dialplan names is not spoken with: there is no voice of"),
        ("../ana", "", "", "the voice '../ana' that the dialplan names is not spoken with"),
        ("eve", "", "", "the voice 'eve' that the dialplan names is not spoken with: "),
        ("", "300", "", ""),
    ],
)
def test_whose(
    named: str, number: str, found: str, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = VoiceStore(Folder(tmp_path / "voices"), "key")
    store.create(a_profile("ana", 1, callers=("100",)))
    store.create(a_profile("bob", 2, callers=("200",)))
    store.create(a_profile("eve", 3, callers=("300",), consent=None))

    async def main() -> None:
        library = Library(store)
        await library.open()
        assert OwnVoices(library, FakeEncoders()).find(named, number) == found
        await library.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    told = [record.getMessage() for record in caplog.records]
    assert [one.startswith(said) for one in told] == ([True] if said else [])


def test_a_claimed_voice_is_fetched_while_the_phone_rings(tmp_path: Path) -> None:
    store = VoiceStore(Folder(tmp_path / "voices"), "key")
    store.create(a_profile("ana", 1, callers=("100",)))

    async def main() -> None:
        library = Library(store)
        await library.open()
        own = OwnVoices(library, FakeEncoders()).claim("ana")
        assert (own.name, own.timbre()) == ("ana", None), "nobody has been heard yet"
        async with asyncio.timeout(20):
            while library.held("ana") is None:
                await asyncio.sleep(0.01)
        await own.close()
        await library.close()

    asyncio.run(main())
