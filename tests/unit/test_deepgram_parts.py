"""Deepgram's parts, each alone: the map of what was sent, messages of every shape, the account, what is asked."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.demo.run import DemoOptions
from controller.demo.run import run as demo
from controller.engines.registry import EngineContext
from controller.engines.stt.deepgram import make
from controller.engines.stt.deepgram.account import Account
from controller.engines.stt.deepgram.asking import address, hears
from controller.engines.stt.deepgram.options import read
from controller.engines.stt.deepgram.parsing import Broken, End, Heard, Said, read_flux, read_nova
from controller.engines.stt.deepgram.timeline import Timeline
from controller.errors import SettingsError
from controller.frames import FRAME_S
from controller.messages import Span, SpeechEnded
from controller.settings import TritonSettings
from controller.triton.client import TritonClient
from tests.fakes.deepgram_rig import options


def message(**fields: Any) -> object:
    """As the SDK gives it."""
    return json.loads(json.dumps(fields), object_hook=lambda found: SimpleNamespace(**found))


def test_silence_that_was_not_sent_is_on_the_calls_clock_again() -> None:
    timeline = Timeline()
    for index in (*range(50, 60), *range(200, 210)):
        timeline.frame(index)
    assert timeline.sent_s == pytest.approx(0.4)
    assert timeline.on_call_s(0.0) == pytest.approx(1.0)
    assert timeline.on_call_s(0.1) == pytest.approx(1.1)
    assert timeline.on_call_s(0.2) == pytest.approx(4.0), "what begins there begins the second run"
    assert timeline.on_call_s(0.2, ends=True) == pytest.approx(1.2), "what ends there ends the first"
    assert timeline.on_call_s(9.0) == pytest.approx(4.2), "nothing lies behind what was sent"


def test_silence_of_ours_is_no_time_of_the_calls() -> None:
    timeline = Timeline()
    timeline.frame(10)
    timeline.silence(5)
    timeline.silence(5)
    timeline.frame(11)
    assert timeline.on_call_s(0.1) == pytest.approx(11 * FRAME_S)
    assert timeline.on_call_s(0.22) == pytest.approx(11 * FRAME_S)
    assert timeline.on_call_s(0.23) == pytest.approx(11.5 * FRAME_S)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), min_size=1, max_size=8))
def test_every_frame_that_was_sent_is_found_again(runs: list[tuple[int, int]]) -> None:
    timeline, sent, at = Timeline(), [], 0
    for gap, length in runs:
        at += gap
        for index in range(at, at + length):
            timeline.frame(index)
            sent.append(index)
        at += length
    for count, index in enumerate(sent):
        assert timeline.on_call_s(count * FRAME_S) == pytest.approx(index * FRAME_S)
        assert timeline.on_call_s((count + 1) * FRAME_S, ends=True) == pytest.approx((index + 1) * FRAME_S)


def results(**fields: Any) -> object:
    words = [
        {"word": "twenty", "punctuated_word": "Twenty", "start": 0.1, "end": 0.4, "language": "en"},
        {"word": "five", "punctuated_word": "five.", "start": 0.5, "end": 0.8, "language": "en"},
    ]
    usual = {
        "type": "Results",
        "start": 0.0,
        "duration": 1.0,
        "is_final": True,
        "channel": {"alternatives": [{"transcript": "Twenty five.", "words": words}]},
    }
    return message(**{**usual, **fields})


def test_what_nova_says() -> None:
    heard = read_nova(results(speech_final=True))
    two = (Said("Twenty", 0.1, 0.4, "en"), Said("five.", 0.5, 0.8, "en"))
    assert heard == Heard(0.0, 1.0, two, final=True, end=End.SPEECH)
    assert read_nova(results(is_final=False, speech_final=True)) == Heard(0.0, 1.0, two, final=False)
    asked = read_nova(results(from_finalize=True))
    assert isinstance(asked, Heard)
    assert asked.end is End.ASKED
    assert read_nova(message(type="UtteranceEnd", last_word_end=2.5)) == Heard(2.5, 2.5, (), True, End.SPEECH)
    assert read_nova(message(type="UtteranceEnd", last_word_end=-1)) is None
    assert read_nova(message(type="Metadata", duration=3)) is None


def test_what_flux_says() -> None:
    turn = {"type": "TurnInfo", "audio_window_start": 1.0, "audio_window_end": 2.0, "transcript": "ab cd"}
    words = [{"word": "ab", "confidence": 1}, {"word": "cd", "confidence": 1}]
    spread = (Said("ab", 1.0, 1.5, "en"), Said("cd", 1.5, 2.0, "en"))
    ended = message(**turn, words=words, languages=["en"], event="EndOfTurn", trigger="manual")
    assert read_flux(ended) == Heard(1.0, 2.0, spread, final=True, end=End.ASKED)
    eager = read_flux(message(**turn, words=words, languages=["en"], event="EagerEndOfTurn"))
    assert eager == Heard(1.0, 2.0, spread, final=False, eager=True)
    assert read_flux(message(type="Error", code="X", description="no")) == Broken("X no")
    assert read_flux(message(type="Connected")) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.builds(SimpleNamespace, words=inner, start=inner),
    max_leaves=8,
)


FIELDS = (
    "start duration channel is_final last_word_end event transcript words languages audio_window_start "
    "audio_window_end code description"
)
NAMES = FIELDS.split()


@given(
    st.sampled_from(["Results", "UtteranceEnd", "TurnInfo", "Error", None, 5]),
    st.dictionaries(st.sampled_from(NAMES), anything),
)
def test_nothing_that_comes_can_break_the_reading(kind: Any, fields: dict[str, Any]) -> None:
    for read_one in (read_nova, read_flux):
        for one in (None, b"bytes", SimpleNamespace(type=kind, **fields)):
            heard = read_one(one)
            if isinstance(heard, Heard):
                assert heard.start_s <= heard.end_s
                assert all(word.start_s <= word.end_s and word.text for word in heard.words)


def final(start_s: float, end_s: float, *words: Said, end: End = End.NONE) -> Heard:
    return Heard(start_s, end_s, words, final=True, end=end)


def one_utterance() -> Account:
    account = Account("a", identify=False)
    account.started(0)
    return account


def texts(transcripts: list[Any]) -> list[str]:
    return [one.text for one in transcripts if one.final]


def test_a_word_that_is_heard_again_after_a_replay_is_told_once() -> None:
    account = one_utterance()
    account.take(final(0.0, 1.0, Said("one", 0.1, 0.5), Said("two", 0.6, 0.98)), 1.0, 1.0)
    assert account.resume_s == pytest.approx(0.98)
    account.reconnected()
    account.take(final(0.9, 2.0, Said("two", 0.9, 1.2), Said("three", 1.3, 1.9)), 1.1, 2.0)
    account.ended(SpeechEnded(Span(0.0, 1.9), 2.2, pause=True), 110)
    told = account.take(final(1.9, 2.2, end=End.ASKED), 1.3, 2.3)
    assert texts(told) == ["one two three"]


def test_a_word_said_twice_is_told_twice() -> None:
    account = one_utterance()
    account.take(final(0.0, 1.0, Said("no", 0.1, 0.5), Said("no", 0.6, 0.9)), 1.0, 1.0)
    account.ended(SpeechEnded(Span(0.0, 0.9), 1.2, pause=True), 60)
    assert texts(account.take(final(1.0, 1.2, end=End.ASKED), 1.2, 1.3)) == ["no no"]


def test_whole_sentences_are_committed_while_their_speaker_goes_on() -> None:
    account = one_utterance()
    words = [Said("Yes.", 0.1, 0.5), Said("I", 0.6, 0.7), Said("know", 0.7, 1.0)]
    told = account.take(final(0.0, 1.0, *words), 1.0, 1.0)
    assert texts(told) == ["Yes."]
    assert told[0].span == Span(0.0, 0.5)
    assert not told[0].speech_final
    assert texts(account.take(final(1.0, 1.5, end=End.SPEECH), 1.5, 1.5)) == ["I know"]
    account.ended(SpeechEnded(Span(0.0, 1.1), 1.5, pause=True), 75)
    last = account.take(final(1.5, 1.5, end=End.ASKED), 1.5, 1.6)
    assert texts(last) == [""]
    assert last[0].speech_final


def test_across_a_cut_each_word_goes_to_the_side_where_its_middle_is() -> None:
    account = one_utterance()
    account.ended(SpeechEnded(Span(0.0, 1.0), 1.5, pause=False), 75)
    account.started(50)
    partial = Heard(0.0, 1.4, (Said("left", 0.5, 1.1), Said("right", 0.95, 1.35)), final=False)
    told = account.take(partial, 1.4, 1.5)
    assert texts(told) == ["left"]
    assert told[0].span.end_s == 1.0
    assert account.resume_s == pytest.approx(1.1)
    account.take(final(0.0, 1.4, Said("left", 0.5, 1.1), Said("right", 0.95, 1.35)), 1.4, 1.6)
    account.ended(SpeechEnded(Span(1.0, 1.4), 1.9, pause=True), 95)
    assert texts(account.take(final(1.4, 1.9, end=End.ASKED), 1.9, 2.0)) == ["right"]


def test_what_comes_of_an_utterance_that_was_given_up_is_dropped() -> None:
    account = one_utterance()
    lost = account.ended(SpeechEnded(Span(0.0, 1.0), 1.3, pause=True), 68)
    account.give_up(lost, 68)
    account.started(80)
    account.take(final(0.0, 2.0, Said("late", 0.2, 0.9), Said("next", 1.7, 1.9)), 2.0, 2.0)
    account.ended(SpeechEnded(Span(1.6, 2.0), 2.3, pause=True), 115)
    assert texts(account.take(final(2.0, 2.3, end=End.ASKED), 2.3, 2.4)) == ["next"]


def test_which_language_was_spoken_is_told_where_several_were_asked() -> None:
    account = Account("a", identify=True)
    account.started(0)
    words = [Said("no", 0.1, 0.2, "es"), Said("quiero", 0.3, 0.6, "es"), Said("coffee", 0.7, 0.9, "en")]
    account.ended(SpeechEnded(Span(0.0, 0.9), 1.2, pause=True), 60)
    told = account.take(final(0.0, 1.0, *words), 1.0, 1.2)
    assert (told[0].language, round(told[0].language_probability, 2)) == ("es", 0.67)


def query(**given: Any) -> dict[str, list[str]]:
    speaker, language = given.pop("speaker", "a"), given.pop("language", "en")
    return parse_qs(urlsplit(address(options(**given), speaker, language)).query)


def test_what_is_asked() -> None:
    asked = query(keyterms=["Asterisk"], people={"a": {"keyterms": ["Ana", "Asterisk"]}})
    assert asked["model"] == ["nova-3"]
    assert asked["encoding"] == ["linear16"]
    assert asked["sample_rate"] == ["16000"]
    assert asked["language"] == ["en"]
    assert asked["interim_results"] == ["true"]
    assert asked["endpointing"] == ["300"]
    assert asked["utterance_end_ms"] == ["1000"]
    assert asked["keyterm"] == ["Asterisk", "Ana"]
    assert "language_hint" not in asked
    assert "keyterm" not in query(speaker="b", people={"a": {"keyterms": ["Ana"]}})
    several = query(language="en,es", people={"a": {"hints": ["es", "fr"]}})
    assert several["language"] == ["multi"]
    assert several["endpointing"] == ["100"]
    assert several["language_hint"] == ["en", "es", "fr"]
    flux = query(model="flux-general-multi", language="es")
    assert flux["language_hint"] == ["es"]
    assert flux["eager_eot_threshold"] == ["0.5"]
    assert "interim_results" not in flux
    assert address(options(model="flux-general-en"), "a", "en").startswith("/v2/listen?")
    assert address(options(), "a", "en").startswith("/v1/listen?")


@pytest.mark.parametrize(
    ("model", "language", "heard"),
    [
        ("nova-3", "sv", True),
        ("nova-3", "en,es", True),
        ("nova-3", "en,sv", False),
        ("nova-3", "xx", False),
        ("flux-general-en", "en", True),
        ("flux-general-en", "es", False),
        ("flux-general-multi", "en,es", True),
    ],
)
def test_what_it_hears(model: str, language: str, heard: bool) -> None:
    assert hears(options(model=model), language) is heard


@pytest.mark.parametrize(
    ("given_options", "words"),
    [
        ({}, "set the variable DEEPGRAM_API_KEY.*STT=deepgram out"),
        ({"key": "a\nb"}, "holds signs that no key has"),
        ({"key": "k", "pitch": 2}, "no setting engines.options.deepgram.pitch"),
        ({"key": "k", "host": "deepgram.com"}, "engines.options.deepgram.host cannot be used"),
        ({"key": "k", "people": {"a": {"age": 5}}}, "engines.options.deepgram.people.a.age"),
    ],
)
def test_wrong_options_are_told(given_options: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPGRAM_API_KEY", raising=False)

    async def main() -> None:
        async with TritonClient("127.0.0.1:1") as triton:
            make(EngineContext(triton, TritonSettings(), given_options))

    with pytest.raises(SettingsError, match=words):
        asyncio.run(main())


def test_the_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", "secret")
    assert read({}).key.get_secret_value() == "secret"
    assert "secret" not in repr(read({}))


@pytest.mark.usefixtures("own_entry_points")
def test_the_demo_without_a_key_starts_nothing_and_says_how_to_do_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEEPGRAM_API_KEY", raising=False)
    monkeypatch.setattr("controller.demo.run._parts", lambda options: {})
    with pytest.raises(SettingsError, match=r"DEEPGRAM_API_KEY.*leave STT=deepgram out"):
        demo(DemoOptions(tmp_path / "report", tmp_path, stt="deepgram"))
    assert not (tmp_path / "report").exists()
