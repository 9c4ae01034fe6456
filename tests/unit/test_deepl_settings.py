"""DeepL's settings: wrong ones are told; and one live test for who has a key."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from controller.engines.mt.deepl import DeepL, make
from controller.engines.mt.deepl.options import FREE_HOST, PAID_HOST, read
from controller.engines.registry import EngineContext
from controller.errors import SettingsError
from controller.settings import TritonSettings
from controller.telemetry.metrics import Registry
from controller.triton.client import TritonClient


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "set the variable DEEPL_AUTH_KEY.*MT=deepl out"),
        ({"key": "a\nb"}, "holds signs that no key has"),
        ({"key": "k", "pitch": 2}, "no setting engines.options.deepl.pitch: it has key"),
        ({"key": "k", "formality": "rude"}, "engines.options.deepl.formality cannot be used"),
        ({"key": "k", "host": "deepl"}, "engines.options.deepl.host cannot be used"),
        ({"key": "k", "glossaries": {"english": "g"}}, "write it as en-es"),
        ({"key": "k", "targets": {"en": "DE"}}, "write it as en = .EN-GB"),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPL_AUTH_KEY", raising=False)

    async def main() -> None:
        async with TritonClient("127.0.0.1:1") as triton:
            make(EngineContext(triton, TritonSettings(), options))

    with pytest.raises(SettingsError, match=words):
        asyncio.run(main())


def test_the_key_says_which_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPL_AUTH_KEY", "abc:fx")
    assert read({}).where == FREE_HOST
    assert read({"key": "abc"}).where == PAID_HOST
    assert read({"host": "http://127.0.0.1:1"}).where == "http://127.0.0.1:1"
    assert "abc" not in repr(read({}))


@pytest.mark.skipif("DEEPL_AUTH_KEY" not in os.environ, reason="needs the variable DEEPL_AUTH_KEY and the internet")
def test_the_real_one_translates() -> None:
    async def main() -> None:
        engine = DeepL(read({"deadline_s": 10.0}), Registry())
        try:
            await engine.probe()
            said = await engine.translate("Good morning.", "en", "es", ("Hello?",))
            assert "buen" in said.lower()
        finally:
            await engine.aclose()

    asyncio.run(main())
