"""The controller's xtts_v2 on the real Triton, with voices made as a demo makes them. Weights are tiny and random."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from controller.demo import voices
from controller.demo.script import Part, Said
from controller.engines.registry import EngineContext
from controller.engines.tts import DEFAULT
from controller.engines.tts.xtts_v2 import XttsV2, make
from controller.errors import EngineRejected
from controller.settings import load
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.stack.wav import PHONE_RATE
from controller.triton.client import TritonClient
from tests.integration.asking import Samples, ask
from tests.integration.xtts_rig import hum


@pytest.fixture(scope="module")
def triton(xtts_repository: Path) -> Iterator[TritonServer]:
    with Run() as run:
        server = TritonServer(run, xtts_repository)
        server.start()
        yield server


@pytest.fixture(scope="module")
def options(triton: TritonServer, xtts_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The engine's, as a demo of two who hum makes them."""
    parts = {side: Part(hum(4, PHONE_RATE, seed), (Said(None, 0.0, 4.0),)) for side, seed in (("a", 1), ("b", 2))}
    folder = tmp_path_factory.mktemp("voices")

    async def cloned(client: TritonClient) -> dict[str, object]:
        spoken = {"a": "en", "b": "es"}
        return await voices.cloned(voices.clips_of(parts), spoken, triton.addresses.grpc, xtts_repository, folder)

    return {**ask(triton, cloned), "seed": 5}


def engine(client: TritonClient, options: dict[str, object]) -> XttsV2:
    return make(EngineContext(client, load().triton.patient(), options))


def said(triton: TritonServer, options: dict[str, object], text: str, language: str, **more: str | int) -> Samples:
    async def say(client: TritonClient) -> Samples:
        async with aclosing(engine(client, options).narrate(text, language, **more)) as sound:  # type: ignore[arg-type]
            return np.concatenate([np.zeros(0, np.int16), *[pcm async for pcm in sound]])

    return ask(triton, say)


def test_a_seed_and_a_voice_decide_what_is_heard(triton: TritonServer, options: dict[str, object]) -> None:
    spanish = said(triton, options, "Sí.", "es")
    assert len(spanish) > 800
    assert np.array_equal(said(triton, options, "Sí.", "es"), spanish)
    callers, callees = (said(triton, options, "Sí.", "es", voice=name) for name in (DEFAULT, "en"))
    assert np.array_equal(callers, spanish), "what the caller says is told in Spanish"
    assert not np.array_equal(callees, callers), "another's voice"


def test_it_is_well_warmed_and_refuses(triton: TritonServer, options: dict[str, object]) -> None:
    async def act(client: TritonClient) -> None:
        tts = engine(client, options)
        await tts.probe()
        await tts.warm("es")
        with pytest.raises(EngineRejected, match="10000"):
            await anext(tts.narrate("x" * 10_000, "en"))
        with pytest.raises(EngineRejected, match="eo"):
            await anext(tts.narrate("Saluton.", "eo"))
        chunks = [chunk async for chunk in tts.synthesize("", "en")]
        assert [(len(one.pcm), one.last) for one in chunks] == [(0, True)]

    ask(triton, act)
