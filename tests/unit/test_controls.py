"""Keys that choose something, in a call on the virtual clock: what they do, and that whoever pressed is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import numpy as np
import pytest

from controller.engines.tts.timbre import Timbre
from controller.frames import FRAME_S
from controller.messages import Outcome, Reason, SpeechChunk
from controller.pipeline.announcements import FIRST_S, TEXTS, TONE, Sentence
from controller.pipeline.controls import KEYS_S, SLOW, Control, Keys
from tests.fakes.fake_call import bench, virtual
from tests.fakes.fake_engines import FakeVoice
from tests.fakes.fake_phone import SPEECH_LEVEL, FakePhone
from tests.quiet import quiet

VOICE = 5000


def press(phone: FakePhone, digits: str) -> str:
    return "".join(phone.leg.pressed(digit) for digit in digits)


def frames(phone: FakePhone, level: int, begin_s: float, end_s: float) -> int:
    return sum(peak == level for at, peak in phone.peaks() if begin_s <= at < end_s)


@pytest.mark.parametrize(
    ("digits", "controls", "rest"),
    [
        ("*1", [Control.REPEAT], ""),
        ("*1*#", [Control.REPEAT, Control.HELP], ""),
        ("12#0", [], "12#0"),
        ("*7", [], "*7"),
        ("**1", [], "**1"),
        ("5*05", [Control.INTERPRETING], "55"),
    ],
)
def test_a_star_and_what_follows(digits: str, controls: list[Control], rest: str) -> None:
    keys = Keys()
    pressed = [keys.press(digit, 0.1 * number) for number, digit in enumerate(digits)]
    assert [control for control, _ in pressed if control] == controls
    assert "".join(passed for _, passed in pressed) == rest


def test_a_star_of_long_ago_is_passed_on_with_the_next_key() -> None:
    keys = Keys()
    assert keys.press("*", 0.0) == (None, "")
    assert keys.press("1", KEYS_S + 0.1) == (None, "*1")
    assert keys.press("*", 10.0) == (None, "")
    assert keys.press("*", 20.0) == (None, "*")
    assert keys.press("1", 21.0) == (Control.REPEAT, "")


def test_every_sentence_is_there_in_every_language() -> None:
    assert set(TEXTS) == {"en", "es", "fr", "de", "it"}
    for texts in TEXTS.values():
        assert set(texts) == set(Sentence)
        assert all(text.strip() for text in texts.values())


@virtual
async def test_the_latest_translation_is_repeated_to_whoever_asks_and_is_no_delivery() -> None:
    async with bench(tts=(tts := FakeVoice(seconds=0.5))) as b:
        b.phone("a", "en", (1.0, 2.0))
        other, third = b.phone("b", "es"), b.phone("c", "es")
        press(other, "*1")
        await asyncio.sleep(5)
        assert press(other, "*1") == ""
        await asyncio.sleep(3)
        es = TEXTS["es"]
        assert [text for text, _ in tts.asked] == [es[Sentence.NOTHING], "es: heard 1", es[Sentence.AGAIN]]
        assert frames(other, VOICE, 5, 8) == 50, "told so, and the translation itself"
        assert frames(third, VOICE, 5, 8) == 0
        assert len(b.seen.deliveries) == 2


@virtual
async def test_slower_is_asked_of_the_voice_until_it_is_taken_back() -> None:
    async with bench(tts=(tts := FakeVoice())) as b:
        b.phone("a", "en")
        other = b.phone("b", "es")
        for _ in range(2):
            press(other, "*2")
            await asyncio.sleep(2)
        assert tts.asked == [(TEXTS["es"][Sentence.SLOWER], SLOW), (TEXTS["es"][Sentence.NORMAL], 1.0)]
        assert not other.leg.preferences.slow


@virtual
async def test_original_only_stops_the_translation_at_once_and_only_for_whoever_asked() -> None:
    async with bench(tts=FakeVoice(seconds=3.0)) as b:
        b.phone("a", "en", (1.0, 2.0), (5.0, 8.0))
        other, third = b.phone("b", "es"), b.phone("c", "es")
        await asyncio.sleep(4)
        assert frames(other, VOICE, 3.5, 4) > 20
        press(other, "*3")
        await asyncio.sleep(0.25)
        assert frames(other, VOICE, 4.05, 4.25) == 0
        await asyncio.sleep(12)
        assert [one.reason for one in b.seen.deliveries if one.listener == "b"] == [Reason.SWITCHED_OFF] * 2
        assert [one.outcome for one in b.seen.deliveries if one.listener == "c"] == [Outcome.PLAYED] * 2
        assert frames(other, SPEECH_LEVEL, 7.5, 8) == 25, "undimmed"
        assert frames(third, SPEECH_LEVEL, 1.2, 2) == 40
        press(other, "*3")
        assert not other.leg.preferences.original_only


@virtual
async def test_with_translation_again_the_next_clause_is_translated() -> None:
    async with bench() as b:
        b.phone("a", "en", (1.0, 2.0), (5.0, 6.0))
        other = b.phone("b", "es")
        press(other, "*3")
        await asyncio.sleep(4)
        press(other, "*3")
        await asyncio.sleep(6)
        assert [one.reason for one in b.seen.deliveries] == [Reason.SWITCHED_OFF, None]


@virtual
async def test_interpreting_off_is_told_to_everyone_in_their_language_and_nobody_is_listened_to() -> None:
    async with bench(tts=(tts := FakeVoice())) as b:
        a, other = b.phone("a", "en", (1.0, 2.0), (6.0, 7.0), (13.0, 14.0)), b.phone("b", "es")
        await asyncio.sleep(3.5)
        press(a, "*0")
        await asyncio.sleep(1.5)
        told = {text for text, _ in tts.asked[1:]}
        assert told == {TEXTS[language][Sentence.OFF] for language in ("en", "es")}
        await asyncio.sleep(3)
        late = b.phone("c", "fr")
        await asyncio.sleep(2)
        assert tts.asked[-1][0] == TEXTS["fr"][Sentence.OFF]
        assert len(b.seen.clauses) == 1
        assert frames(other, SPEECH_LEVEL, 6.2, 6.9) == 35
        assert a.leg.orchestrator.capture.dropped["switched_off"] > 300
        press(late, "*0")
        await asyncio.sleep(6)
        assert [(one.listener, one.reason) for one in b.seen.deliveries[:1]] == [("b", Reason.SWITCHED_OFF)]
        assert {one.listener: one.reason for one in b.seen.deliveries[1:]} == {"b": None, "c": None}


@virtual
async def test_an_announcement_goes_behind_what_sounds_and_before_what_waits() -> None:
    async with bench(tts=(tts := FakeVoice(seconds=2.0))) as b:
        b.phone("a", "en", (0.5, 1.0), (1.5, 2.0))
        other = b.phone("b", "es")
        await asyncio.sleep(3)
        tts.level, tts.seconds = 700, 0.4
        press(other, "*#")
        await asyncio.sleep(6)
        levels = [min(peak, VOICE) for _, peak in other.peaks() if peak >= VOICE or peak == 700]
        assert levels.index(700) == 100, "the first one is played to its end"
        assert levels[-1] == VOICE
        assert levels.count(700) == 20


@virtual
async def test_where_the_voice_fails_or_is_late_a_tone_says_that_the_key_was_taken() -> None:
    async with bench(tts=(tts := FakeVoice())) as b:
        b.phone("a", "en")
        other = b.phone("b", "es")
        tts.fail_at_chunk = 0
        press(other, "*#")
        await asyncio.sleep(2)
        assert [kind for kind, _ in b.seen.failures] == ["tts"]
        tts.fail_at_chunk, tts.delay_s = None, 100.0
        press(other, "*#")
        await asyncio.sleep(4)
        heard = np.concatenate(other.heard)
        assert np.abs(heard).max() == np.abs(TONE).max()
        starts = [
            at for (_, before), (at, peak) in zip(other.peaks(), other.peaks()[1:], strict=False) if peak > before == 0
        ]
        assert starts == pytest.approx([0.3, 2 + FIRST_S], abs=2 * FRAME_S)


@virtual
async def test_of_many_presses_only_the_last_is_announced_behind_what_sounds() -> None:
    async with bench(tts=FakeVoice(seconds=1.0)) as b:
        b.phone("a", "en")
        other = b.phone("b", "es")
        press(other, "*#")
        await asyncio.sleep(0.5)
        for _ in range(20):
            press(other, "*2")
            await asyncio.sleep(0.01)
        await asyncio.sleep(6)
        assert frames(other, VOICE, 0, 8) == 100


@virtual
async def test_without_controls_every_key_is_passed_on() -> None:
    async with bench(tts=(tts := FakeVoice()), controls=False) as b:
        phone = b.phone("a", "en")
        assert press(phone, "*0*1") == "*0*1"
        assert b.conversation.interpreting
        assert not tts.asked


@virtual
async def test_keys_of_one_who_has_left_do_nothing() -> None:
    async with bench() as b:
        phone = b.phone("a", "en")
        press(phone, "*#")
        await b.conversation.leave("a")
        press(phone, "*0")
        assert b.conversation.interpreting


@virtual
async def test_a_fault_in_the_voice_is_logged_and_the_tone_sounds() -> None:
    class Faulty(FakeVoice):
        async def synthesize(
            self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
        ) -> AsyncGenerator[SpeechChunk, None]:
            raise KeyError("a bug")
            yield

    with quiet("controller.pipeline.announcements"):
        async with bench(tts=Faulty()) as b:
            phone = b.phone("a", "en")
            press(phone, "*#")
            await asyncio.sleep(1)
            assert np.abs(np.concatenate(phone.heard)).max() == np.abs(TONE).max()
