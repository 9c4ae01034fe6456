"""XTTS v2 as a voice of calls, on a scripted stand-in for its model: what it is asked, its patience, its end."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
import tomllib
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from controller.engines.registry import EngineContext
from controller.engines.tts import DEFAULT, Narrator, Voice, clones, xtts_v2
from controller.engines.tts.on_triton import SMALLEST, TritonVoice
from controller.engines.tts.pico import make as make_pico
from controller.engines.tts.timbre import Timbre
from controller.engines.tts.warming import WARM_S, Warming
from controller.errors import EngineError, EngineRejected, EngineTimeout, EngineUnavailable, SettingsError
from controller.messages import SpeechChunk
from controller.settings import TritonSettings
from controller.triton.client import TritonClient
from controller.virtual_time import run
from controller.voices.latents import write
from tests.fakes.fake_engines import FakeVoice
from tests.fakes.fake_triton import FakeTriton
from tests.unit.test_voices import latents

ROOT = Path(__file__).resolve().parents[2]
TIMES = TritonSettings(first_chunk_s=4.0, gap_s=2.0)
CHUNK = np.ones(2400, np.int16)


@pytest.fixture
def voices(tmp_path: Path) -> dict[str, Any]:
    """Options of the engine: a house voice, one for Spanish, and Bob's."""
    files = {name: str(tmp_path / f"{name}.npz") for name in ("house", "es", "bob")}
    for seed, path in enumerate(files.values()):
        write(Path(path), latents(seed=seed), name="x")
    return {"voice": files["house"], "voices": {"es": files["es"], "bob": files["bob"]}}


def engine(triton: FakeTriton, **options: Any) -> xtts_v2.XttsV2:
    return xtts_v2.make(EngineContext(triton, TIMES, options))


async def heard(voice: Voice, text: str = "Hola.", language: str = "es", **options: Any) -> list[SpeechChunk]:
    async with aclosing(voice.synthesize(text, language, **options)) as chunks:
        return [chunk async for chunk in chunks]


def test_the_voice_goes_with_every_utterance(voices: dict[str, Any]) -> None:
    triton = FakeTriton([CHUNK, CHUNK])
    chunks = run(heard(engine(triton, **voices, seed=7), speed=1.25))
    assert [(len(one.pcm), one.last) for one in chunks] == [(2400, False), (2400, False), (0, True)]
    (asked,) = triton.asked
    assert asked.model == "xtts_v2"
    assert (asked.text("TEXT"), asked.text("LANGUAGE")) == ("Hola.", "es")
    assert asked.inputs["SAMPLE_RATE"].tolist() == [16_000]
    assert asked.inputs["SPEED"].tolist() == [1.25]
    assert asked.inputs["SEED"].tolist() == [7]
    assert asked.inputs["SEED"].dtype == np.int64
    assert asked.inputs["GPT_COND_LATENT"].dtype == np.float16
    assert np.array_equal(asked.inputs["GPT_COND_LATENT"], latents(seed=1).gpt_conditioning)
    assert np.array_equal(asked.inputs["SPEAKER_EMBEDDING"], latents(seed=1).speaker)


@pytest.mark.parametrize(("language", "voice", "seed"), [("es", DEFAULT, 1), ("fr", DEFAULT, 0), ("es", "bob", 2)])
def test_whose_voice_speaks(language: str, voice: str, seed: int, voices: dict[str, Any]) -> None:
    triton = FakeTriton([CHUNK])
    tts = engine(triton, **voices)
    assert tts.voices == (DEFAULT, "es", "bob")

    async def narrate() -> None:
        async with aclosing(tts.narrate("1.", language, voice=voice, sample_rate=24_000)) as sound:
            assert [len(pcm) async for pcm in sound] == [2400]

    run(narrate())
    assert np.array_equal(triton.asked[0].inputs["SPEAKER_EMBEDDING"], latents(seed=seed).speaker)
    assert triton.asked[0].inputs["SAMPLE_RATE"].tolist() == [24_000]
    assert "SEED" not in triton.asked[0].inputs


def test_a_timbre_goes_before_the_voices_of_the_settings(voices: dict[str, Any]) -> None:
    triton = FakeTriton([CHUNK])
    tts = engine(triton, **voices)
    assert clones(tts)
    run(heard(tts, timbre=Timbre(latents(seed=9), "ana@1/mean")))
    assert np.array_equal(triton.asked[0].inputs["SPEAKER_EMBEDDING"], latents(seed=9).speaker)


def test_a_voice_that_cannot_clone_takes_no_notice_of_a_timbre() -> None:
    triton = FakeTriton([CHUNK])
    pico = TritonVoice(cast(TritonClient, triton), TritonSettings(), name="pico", model="pico", languages={"es"})
    assert not clones(pico)
    run(heard(pico, timbre=Timbre(latents(seed=9), "ana@1/mean")))
    assert "SPEAKER_EMBEDDING" not in triton.asked[0].inputs


def test_a_voice_that_is_not_there_is_refused(voices: dict[str, Any]) -> None:
    with pytest.raises(EngineRejected, match=r"has no voice 'eve': name it in engines\.options\.xtts_v2\.voices"):
        run(engine(FakeTriton(), **voices).warm("es", "eve"))


def test_the_first_sound_may_take_longer_than_a_further_one(voices: dict[str, Any]) -> None:
    assert len(run(heard(engine(FakeTriton([3.9, CHUNK, 1.9, CHUNK]), **voices)))) == 3
    with pytest.raises(EngineTimeout, match="for 4 s"):
        run(heard(engine(FakeTriton([4.1, CHUNK]), **voices)))
    with pytest.raises(EngineTimeout, match="for 2 s"):
        run(heard(engine(FakeTriton([CHUNK, 2.1, CHUNK]), **voices)))


@pytest.mark.parametrize("before", [0, 1])
def test_a_failure_before_the_first_sound_is_known_as_one(before: int, voices: dict[str, Any]) -> None:
    """What a chain of engines needs: nothing was handed on that another voice would then say again."""
    busy = EngineUnavailable("xtts_v2 is busy", engine="xtts_v2")
    tts = engine(FakeTriton([*[CHUNK] * before, busy]), **voices)
    got: list[SpeechChunk] = []

    async def listen() -> EngineError:
        try:
            async with aclosing(tts.synthesize("Hola.", "es")) as chunks:
                async for chunk in chunks:
                    got.append(chunk)
        except EngineError as error:
            return error
        raise AssertionError("it did not fail")

    error = run(listen())
    assert error is busy
    assert error.retryable
    assert len(got) == before


def test_who_stops_listening_stops_it(voices: dict[str, Any]) -> None:
    triton = FakeTriton([CHUNK, 1.0, CHUNK])

    async def leave() -> None:
        async with aclosing(engine(triton, **voices).synthesize("Hola.", "es")) as chunks:
            await anext(chunks)
        assert triton.cancelled == 1
        task = asyncio.create_task(heard(engine(triton, **voices)))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.wait([task])
        assert triton.cancelled == 2

    run(leave())


def test_a_probe_says_nothing_with_a_voice(voices: dict[str, Any]) -> None:
    triton = FakeTriton([])
    run(engine(triton, **voices).probe())
    (asked,) = triton.asked
    assert asked.text("TEXT") == ""
    assert "GPT_COND_LATENT" in asked.inputs
    with pytest.raises(EngineTimeout):
        run(engine(FakeTriton([9.0]), **voices).probe())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "needs a voice: make one with `dragoman voice make`"),
        ({"voice": 3}, r"xtts_v2\.voice is 3: give a voice file"),
        ({"voice": "none.npz"}, r"xtts_v2\.voice cannot be used: The voice file none\.npz cannot be read"),
        ({"voices": "x"}, r"xtts_v2\.voices is 'x': give a table"),
        ({"seed": True}, "give a whole number"),
        ({"model": 1}, "give the name of Triton's model"),
        ({"pitch": 2}, r"no setting engines\.options\.xtts_v2\.pitch: it has voice, voices, model, seed"),
    ],
)
def test_a_wrong_option_is_told_at_the_start(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        engine(FakeTriton(), **options)


def test_a_wrong_voice_among_several_is_named(voices: dict[str, Any]) -> None:
    for wrong, words in ((5, r"voices\.bob is 5"), (__file__, r"voices\.bob cannot be used: .* is not a voice file")):
        with pytest.raises(SettingsError, match=words):
            engine(FakeTriton(), **{**voices, "voices": {"bob": wrong}})


def test_its_languages_are_the_front_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / "export/runtime/xtts/text/languages.py"
    spec = importlib.util.spec_from_file_location("xtts_languages", path)
    assert spec is not None
    assert spec.loader is not None
    theirs = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, theirs)  # dataclasses look there
    spec.loader.exec_module(theirs)
    assert set(theirs.LANGUAGES) == xtts_v2.LANGUAGES


def test_every_entry_point_leads_somewhere() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert "xtts_v2" in groups["dragoman.tts"]
    for points in groups.values():
        for target in points.values():
            module, _, function = target.partition(":")
            assert callable(getattr(importlib.import_module(module), function))


def test_calls_make_their_voices_ready_without_waiting_and_not_each_time() -> None:
    now = [0.0]
    triton = FakeTriton([1.0, CHUNK, CHUNK])

    async def main() -> None:
        warming = Warming(make_pico(EngineContext(triton, TIMES, {})), lambda: now[0])
        warming.begin(["es", "ja"])
        warming.begin(["es"])
        assert triton.asked == [], "nobody waits"
        await asyncio.sleep(2)
        assert [(one.text("TEXT"), one.text("LANGUAGE")) for one in triton.asked] == [(SMALLEST, "es")]
        assert triton.cancelled == 1, "the first sound is enough"
        now[0] = WARM_S
        warming.begin(["es"])
        await asyncio.sleep(2)
        assert len(triton.asked) == 2

    run(main())


def test_a_voice_that_cannot_be_made_ready_is_tried_with_the_next_call() -> None:
    triton = FakeTriton([EngineUnavailable("pico is busy", engine="pico")], [CHUNK])

    async def main() -> None:
        warming = Warming(make_pico(EngineContext(triton, TIMES, {})), lambda: 0.0)
        for _ in range(3):
            warming.begin(["es"])
            await asyncio.sleep(1)
        assert len(triton.asked) == 2

    run(main())


def test_an_engine_of_calls_alone_has_nothing_to_make_ready() -> None:
    voice = FakeVoice()
    assert not isinstance(voice, Narrator)
    assert isinstance(TritonVoice(FakeTriton(), TIMES, name="x", model="x", languages=()), Narrator)

    async def main() -> None:
        Warming(voice, lambda: 0.0).begin(["es"])
        await asyncio.sleep(0)

    run(main())
    assert voice.asked == []
