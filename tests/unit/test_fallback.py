"""Translators and voices made of several: a switch within the clause, by its deadline, and nothing heard twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from controller.engines.mt import Rendered
from controller.engines.registry import all_names, chain_names, make_all
from controller.engines.tts import DEFAULT, Narrator
from controller.engines.tts.timbre import Timbre
from controller.errors import EngineBarred, EngineError, EngineRejected, EngineTimeout, EngineUnavailable, SettingsError
from controller.frames import Pcm
from controller.messages import Reason, SpeechChunk
from controller.recovery.breaker import Limits, State
from controller.settings import EngineSettings, FallbackSettings, TritonSettings
from controller.triton.client import TritonClient
from tests.fakes.fake_call import bench, virtual
from tests.fakes.fake_chain import HearingRecogniser, SeenWatch, recogniser, translator, voice
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator, FakeVoice
from tests.fakes.fake_phone import SPEECH_LEVEL


class Cloud(FakeTranslator):
    """Fails with `error`, or answers after `delay_s`."""

    name = "cloud"

    def __init__(self, error: EngineError | None = None, delay_s: float = 0.1) -> None:
        super().__init__(delay_s)
        self.error = error
        self.cancelled = 0

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        try:
            translation = await super().translate(text, source, target, context)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return translation


class EnglishOnly(FakeTranslator):
    name = "english"

    def translates(self, source: str, target: str) -> bool:
        return target == "en"


def error(kind: type[EngineError] = EngineUnavailable) -> EngineError:
    return kind("no", engine="cloud")


@virtual
async def test_the_text_goes_to_the_next_and_whoever_did_it_is_named() -> None:
    cloud, watch = Cloud(error()), SeenWatch()
    mt = translator(cloud, FakeTranslator(), watch=watch)
    text = await mt.translate("hello", "en", "es", ("before",))
    assert (text, isinstance(text, Rendered) and text.engine) == ("es: hello", "fake-mt")
    assert watch.switches == [("mt", "EngineUnavailable", "fake-mt")]
    cloud.error = None
    text = await mt.translate("hello", "en", "es", ())
    assert isinstance(text, Rendered) and text.engine == "cloud"
    assert mt.name == "cloud or fake-mt"


@virtual
async def test_one_that_hangs_leaves_the_next_its_time_within_the_deadline() -> None:
    loop, cloud = asyncio.get_running_loop(), Cloud(delay_s=1000)
    mt = translator(cloud, FakeTranslator(delay_s=0.4))
    began = loop.time()
    assert await mt.translate("hello", "en", "es", ()) == "es: hello"
    assert loop.time() - began == pytest.approx(1.4)
    assert cloud.cancelled == 1
    slower = translator(cloud, FakeTranslator(delay_s=5.0))
    began = loop.time()
    with pytest.raises(EngineTimeout):
        await slower.translate("hello", "en", "es", ())
    assert loop.time() - began == pytest.approx(2.0), "both together keep to the clause's deadline"


@virtual
async def test_one_that_hangs_while_the_next_is_left_alone_ends_by_the_deadline() -> None:
    loop = asyncio.get_running_loop()
    mt = translator(Cloud(delay_s=1000), FakeTranslator())
    behind = mt.members[1].breaker
    for _ in range(3):
        behind.broke(error())
    assert behind.enter() is not None and not behind.allows, "somebody is trying it"
    began = loop.time()
    with pytest.raises(EngineTimeout):
        await mt.translate("hello", "en", "es", ())
    assert loop.time() - began == pytest.approx(2.0)


@virtual
async def test_the_last_one_alone_has_all_the_time_that_it_takes() -> None:
    assert await translator(FakeTranslator(delay_s=9.0)).translate("hello", "en", "es", ()) == "es: hello"
    only_pair = translator(Cloud(delay_s=9.0), EnglishOnly())
    assert await only_pair.translate("hello", "en", "es", ()) == "es: hello"


@virtual
async def test_one_that_refuses_the_text_is_asked_for_the_next_text_again() -> None:
    cloud, watch = Cloud(error(EngineRejected)), SeenWatch()
    mt = translator(cloud, FakeTranslator(), watch=watch)
    for _ in range(20):
        assert await mt.translate("hello", "en", "es", ()) == "es: hello"
    assert len(cloud.contexts) == 20
    assert watch.states["cloud", "mt"] is State.CLOSED


@virtual
async def test_a_wrong_key_is_tried_once() -> None:
    cloud = Cloud(error(EngineBarred))
    mt = translator(cloud, FakeTranslator())
    for _ in range(20):
        assert await mt.translate("hello", "en", "es", ()) == "es: hello"
        await asyncio.sleep(10)
    assert len(cloud.contexts) == 1


@virtual
async def test_ten_who_translate_at_half_open_send_one_trial() -> None:
    cloud = Cloud(error())
    mt = translator(cloud, FakeTranslator())
    for _ in range(3):
        await mt.translate("hello", "en", "es", ())
    await asyncio.sleep(5)
    cloud.error, cloud.contexts = None, []
    texts = await asyncio.gather(*(mt.translate("hello", "en", "es", ()) for _ in range(10)))
    assert len(cloud.contexts) == 1
    assert sorted(str(getattr(text, "engine", "")) for text in texts) == ["cloud"] + ["fake-mt"] * 9


@virtual
async def test_cancelled_translations_are_no_failures() -> None:
    cloud, watch = Cloud(delay_s=0.4), SeenWatch()
    mt = translator(cloud, FakeTranslator(), watch=watch)
    for _ in range(10):
        work = asyncio.create_task(mt.translate("hello", "en", "es", ()))
        await asyncio.sleep(0.2)
        work.cancel()
        await asyncio.wait([work])
    assert watch.states["cloud", "mt"] is State.CLOSED
    assert cloud.cancelled == 10
    assert getattr(await mt.translate("hello", "en", "es", ()), "engine", None) == "cloud"


@virtual
async def test_where_none_is_left_it_is_told_whose_fault_it_was() -> None:
    mt = translator(Cloud(error(EngineBarred)))
    with pytest.raises(EngineBarred):
        await mt.translate("hello", "en", "es", ())
    with pytest.raises(EngineUnavailable, match="cloud failed a moment ago"):
        await mt.translate("hello", "en", "es", ())
    assert not mt.works("en", "es")
    with pytest.raises(EngineError):
        await translator(Cloud(error()), Cloud(error())).translate("hello", "en", "es", ())


# Voices


class CloudVoice(FakeVoice):
    name = "cloud"


async def said(engine: Any, text: str = "hola") -> int:
    """Samples."""
    async with aclosing(engine.synthesize(text, "es")) as chunks:
        return sum([len(chunk.pcm) async for chunk in chunks])


@virtual
async def test_a_voice_that_cannot_begin_is_replaced_and_one_that_broke_off_is_not() -> None:
    cloud, pico, watch = CloudVoice(), FakeVoice(), SeenWatch()
    tts = voice(cloud, pico, watch=watch)
    cloud.fail_at_chunk = 0
    assert await said(tts) == 16_000
    assert (len(cloud.asked), len(pico.asked)) == (1, 1)
    cloud.fail_at_chunk = 2
    heard = []
    with pytest.raises(EngineUnavailable):
        async for chunk in tts.synthesize("hola", "es"):
            heard.append(chunk)
    assert len(heard) == 2, "what sounds is not begun again"
    cloud.fail_at_chunk = None
    assert await said(tts) == 16_000
    assert (len(cloud.asked), len(pico.asked)) == (2, 2), "the same text at once again: not from the one that broke off"
    assert await said(tts) == 16_000
    assert (len(cloud.asked), len(pico.asked)) == (3, 2)


@virtual
async def test_a_voice_that_hangs_is_replaced_within_its_time() -> None:
    loop, cloud, pico = asyncio.get_running_loop(), CloudVoice(delay_s=1000), FakeVoice(delay_s=0.3)
    tts = voice(cloud, pico)
    began = loop.time()
    async with aclosing(tts.synthesize("hola", "es")) as chunks:
        await anext(chunks)
        assert loop.time() - began == pytest.approx(2.3)
    assert (cloud.closed, pico.closed) == (1, 1), "what nobody listens to is not made"


@virtual
async def test_voices_that_are_slow_to_begin_are_left_alone() -> None:
    cloud, watch = CloudVoice(delay_s=1.6), SeenWatch()
    tts = voice(cloud, FakeVoice(), watch=watch, limits=Limits(slow_s=1.5))
    for _ in range(4):
        await said(tts)
    assert watch.done == ["cloud"] * 3 + ["fake-tts"]


class Teller(FakeVoice):
    """Of one named voice; speaks outside of calls."""

    def __init__(self, name: str, *voices: str) -> None:
        super().__init__()
        self.name = name
        self.voices = (DEFAULT, *voices)
        self.warmed = 0
        self.failing = False

    async def narrate(
        self, text: str, language: str, *, voice: str = DEFAULT, **more: Any
    ) -> AsyncGenerator[Pcm, None]:
        self.asked.append((voice, 1.0))
        if self.failing:
            raise EngineUnavailable("no", engine=self.name)
        yield np.zeros(160, np.int16)

    async def warm(self, language: str, voice: str = DEFAULT) -> None:
        self.warmed += 1
        if self.failing:
            raise EngineUnavailable("no", engine=self.name)


@virtual
async def test_a_named_voice_is_spoken_by_whoever_has_it_and_by_nobody_else() -> None:
    cloned, pico = Teller("xtts", "ana"), Teller("pico")
    tts = voice(cloned, pico)
    assert isinstance(tts, Narrator)
    assert tts.voices == (DEFAULT, "ana")
    cloned.failing = True
    assert [len(pcm) async for pcm in tts.narrate("hola", "es")] == [160]
    with pytest.raises(EngineUnavailable):
        [pcm async for pcm in tts.narrate("hola", "es", voice="ana")]
    assert pico.asked == [(DEFAULT, 1.0)]
    with pytest.raises(EngineRejected, match="no voice 'eve'"):
        [pcm async for pcm in tts.narrate("hola", "es", voice="eve")]
    await tts.warm("es")
    assert (cloned.warmed, pico.warmed) == (1, 1)
    assert not isinstance(voice(FakeVoice(), FakeVoice()), Narrator)
    assert isinstance(voice(FakeVoice(), pico), Narrator)


# In a call


@virtual
async def test_a_call_hears_every_clause_though_the_first_engine_of_each_kind_fails() -> None:
    cloud, mt, tts = HearingRecogniser("cloud"), Cloud(error()), CloudVoice()
    cloud.mood, tts.fail_at_chunk = "fails", 0
    engines = recogniser(cloud, FakeRecogniser()), translator(mt, FakeTranslator()), voice(tts, FakeVoice())
    async with bench(*engines) as b:  # type: ignore[arg-type]
        b.phone("a", "en", (1.0, 2.0), (4.0, 5.0), (7.0, 8.0))
        b.phone("b", "es")
        await asyncio.sleep(14)
        assert [one.reason for one in b.seen.deliveries] == [None] * 3
        assert [one.engine for one in b.seen.translations] == ["fake-mt"] * 3


@virtual
async def test_a_voice_that_broke_off_is_replaced_from_the_start_where_it_was_not_heard_else_for_the_rest() -> None:
    # The first is heard from 1.9 s on; the second comes while it sounds, and breaks off before it is its turn.
    cloud, pico = CloudVoice(seconds=3.0), FakeVoice(seconds=3.0)
    async with bench(tts=voice(cloud, pico)) as b:  # type: ignore[arg-type]
        b.phone("a", "en", (0.5, 1.0), (1.5, 2.0))
        phone = b.phone("b", "es")
        await asyncio.sleep(3.0)
        cloud.fail_at_chunk, cloud.gap_s, cloud.level, pico.level = 2, 0.1, 8000, 9000
        await asyncio.sleep(9)
        assert [one.reason for one in b.seen.deliveries] == [None, None]
        levels = {peak for _, peak in phone.peaks()}
        assert 9000 in levels and 8000 not in levels
        assert b.seen.failures[0][0] == "tts"

    cloud = CloudVoice(seconds=2.0, gap_s=0.2)
    async with bench(tts=voice(cloud, pico)) as b:  # type: ignore[arg-type]
        cloud.fail_at_chunk = 2
        b.phone("a", "en", (0.5, 1.0))
        b.phone("b", "es")
        await asyncio.sleep(6)
        assert [one.reason for one in b.seen.deliveries] == [None]
        assert cloud.asked == [("es: heard 1", 1.0)], "it was heard: it is not begun again"
        assert pico.asked[-1] == ("heard 1", 1.0), "two fifths of a second are the first word"


@virtual
async def test_without_any_engine_the_original_is_heard_as_it_is_and_that_is_told() -> None:
    mt = translator(Cloud(error(EngineBarred)))
    async with bench(mt=mt) as b:  # type: ignore[arg-type]
        b.conversation._engines = type(b.conversation._engines)(
            b.conversation._engines.stt,
            mt,
            b.conversation._engines.tts,
            None,
            lambda source, target: None if mt.works(source, target) else "mt",
        )
        b.phone("a", "en", (1.0, 2.0), (4.0, 6.0))
        phone = b.phone("b", "es")
        await asyncio.sleep(3.5)
        assert b.conversation.bypassed == ["a", "b"]
        await asyncio.sleep(4.5)
        heard = [peak for at, peak in phone.peaks() if 4.2 < at < 5.8]
        assert set(heard) == {SPEECH_LEVEL}
        assert {one.reason for one in b.seen.deliveries} == {Reason.ENGINE_FAILED}
        figures = b.conversation.legs["b"].figures()
        assert figures.bypassed_s == pytest.approx(8 - 1.5, abs=1.5)


class Sticky(FakeVoice):
    """Speaks a fifth of a second, and the rest three seconds later."""

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        yield SpeechChunk(np.full(3200, 5000, np.int16), last=False)
        await asyncio.sleep(3.0)
        yield SpeechChunk(np.full(3200, 5000, np.int16), last=True)


@virtual
async def test_a_voice_that_is_stuck_does_not_keep_the_original_down() -> None:
    async with bench(tts=Sticky()) as b:
        b.phone("a", "en", (0.5, 1.0), (1.4, 5.0))
        phone = b.phone("b", "es")
        await asyncio.sleep(6)
        first = min(at for at, peak in phone.peaks() if peak >= 5000)
        after = [peak for at, peak in phone.peaks() if first + 0.2 <= at < 4.5]
        assert after[15] < SPEECH_LEVEL / 10, "ducked while its rest may come at any moment"
        assert set(after[40:80]) == {SPEECH_LEVEL}


# By the settings


@pytest.mark.parametrize(
    ("kind", "first", "chosen", "names"),
    [
        ("stt", "deepgram", None, ["deepgram", "whisper"]),
        ("mt", "deepl", None, ["deepl", "apertium"]),
        ("mt", "neural", None, ["neural", "apertium"]),
        ("tts", "xtts_v2", None, ["xtts_v2", "pico"]),
        ("mt", "deepl", [], ["deepl"]),
        ("mt", "apertium", None, ["apertium"]),
        ("mt", "x", ["y", "x", "z"], ["x", "y", "z"]),
    ],
)
def test_what_is_behind_an_engine(kind: str, first: str, chosen: list[str] | None, names: list[str]) -> None:
    assert chain_names(kind, first, FallbackSettings.model_validate({kind: chosen})) == names


def test_all_that_may_be_asked() -> None:
    settings = EngineSettings(stt="deepgram", mt="deepl", second_opinions=["neural"])
    assert all_names(settings, FallbackSettings()) == ["deepgram", "whisper", "deepl", "apertium", "pico", "neural"]


def test_an_engine_behind_another_must_exist() -> None:
    async def main() -> None:
        async with TritonClient("127.0.0.1:1") as triton:
            make_all(EngineSettings(), triton, TritonSettings(), FallbackSettings(mt=["babelfish"]))

    with pytest.raises(SettingsError, match="no mt engine 'babelfish'"):
        asyncio.run(main())


def test_engines_by_the_settings_say_of_what_there_is_none_left() -> None:
    async def main() -> None:
        async with TritonClient("127.0.0.1:1") as triton:
            engines = make_all(EngineSettings(), triton, TritonSettings())
            assert engines.out("en", "es") is None
            engines.tts.members[0].breaker.broke(error(EngineBarred))  # type: ignore[attr-defined]
            assert engines.out("en", "es") == "tts"
            engines.mt.members[0].breaker.broke(error(EngineBarred))  # type: ignore[attr-defined]
            assert engines.out("en", "es") == "mt"

    asyncio.run(main())
