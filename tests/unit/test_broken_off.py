"""A voice that breaks off in mid-word, heard already: another goes on with the rest, and nothing is said twice."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from controller.engines.fallback.tts import FallbackVoice
from controller.errors import EngineUnavailable
from controller.messages import Reason
from controller.pipeline.ledger import Ledger
from controller.pipeline.pace import CHARACTER_S, Pace
from controller.recovery.breaker import State
from tests.fakes.fake_call import bench, virtual
from tests.fakes.fake_chain import SeenWatch, voice
from tests.fakes.fake_engines import FakeVoice

TEXT = "Por favor, verifique el número y vuelva a marcar."


class Cloud(FakeVoice):
    name = "cloud"


def pace() -> Pace:
    return Pace(Ledger(lambda _: None), lambda _: [])


async def said(tts: FallbackVoice, text: str) -> int:
    """Samples."""
    async with aclosing(tts.synthesize(text, "es")) as chunks:
        return sum([len(chunk.pcm) async for chunk in chunks])


@pytest.mark.parametrize(
    ("characters", "rest"),
    [
        (0, TEXT),
        (2, TEXT),
        (3.9, TEXT[4:]),
        (4, TEXT[4:]),
        (26, "número y vuelva a marcar."),
        (len(TEXT), "marcar."),
        (1000, "marcar."),
    ],
)
def test_the_rest_begins_with_the_word_in_which_it_broke_off(characters: float, rest: str) -> None:
    assert pace().rest(TEXT, "es", characters * CHARACTER_S, 1.0) == rest
    assert pace().rest(TEXT, "es", characters * CHARACTER_S / 1.25, 1.25) == rest


def test_the_rest_goes_by_how_long_the_language_was_heard_to_take() -> None:
    slow = pace()
    for _ in range(50):
        slow.learn(TEXT, "es", 2 * CHARACTER_S * len(TEXT), 1.0)
    assert slow.rest(TEXT, "es", 2 * 26 * CHARACTER_S, 1.0) == "número y vuelva a marcar."


def test_the_rest_of_what_is_written_without_blanks_and_of_nothing() -> None:
    assert pace().rest("请输入您的电话号码", "zh", 3 * CHARACTER_S, 1.0) == "您的电话号码"
    assert pace().rest("", "es", 1.0, 1.0) == ""


@virtual
async def test_voices_that_break_off_again_and_again_are_left_alone() -> None:
    cloud, watch = Cloud(), SeenWatch()
    cloud.fail_at_chunk = 2
    tts = voice(cloud, FakeVoice(), watch=watch)
    for number in range(3):
        with pytest.raises(EngineUnavailable):
            await said(tts, f"text {number}")
    assert watch.states["cloud", "tts"] is State.OPEN, "that it begins well each time makes up for nothing"
    assert await said(tts, "text 3") == 16_000


@virtual
async def test_the_rest_is_not_asked_of_the_voice_that_broke_off() -> None:
    cloud, pico = Cloud(), FakeVoice()
    cloud.fail_at_chunk = 2
    tts = voice(cloud, pico)
    with pytest.raises(EngineUnavailable):
        await said(tts, "uno dos tres")
    assert await said(tts, "dos tres") == 16_000
    assert (len(cloud.asked), len(pico.asked)) == (1, 1)


@virtual
async def test_a_listener_hears_what_came_and_then_the_rest_of_another_voice() -> None:
    cloud, pico = Cloud(seconds=2.0, gap_s=0.2, level=8000), FakeVoice(seconds=1.0, level=9000)
    cloud.fail_at_chunk = 2
    async with bench(tts=voice(cloud, pico)) as b:  # type: ignore[arg-type]
        b.phone("a", "en", (0.5, 1.0))
        phone = b.phone("b", "es")
        await asyncio.sleep(6)
        assert [one.reason for one in b.seen.deliveries] == [None]
        peaks = [peak for _, peak in phone.peaks()]
        assert (peaks.count(8000), peaks.count(9000)) == (20, 50), "0.4 s of the one, then all of the other"
        assert peaks.index(9000) > peaks.index(8000)
        assert [kind for kind, _ in b.seen.failures] == ["tts"]


@virtual
async def test_two_that_break_off_lose_the_clause_and_the_next_one_is_heard() -> None:
    cloud, pico = Cloud(seconds=2.0, gap_s=0.2), FakeVoice(seconds=2.0, gap_s=0.2)
    cloud.fail_at_chunk = pico.fail_at_chunk = 2
    async with bench(tts=voice(cloud, pico)) as b:  # type: ignore[arg-type]
        b.phone("a", "en", (0.5, 1.0), (6.0, 6.5))
        b.phone("b", "es")
        await asyncio.sleep(5)
        cloud.fail_at_chunk = pico.fail_at_chunk = None
        await asyncio.sleep(6)
        assert [one.reason for one in b.seen.deliveries] == [Reason.ENGINE_FAILED, None]
        assert len(cloud.asked) + len(pico.asked) == 3, "the rest is asked for once"
