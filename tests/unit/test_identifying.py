"""A speaker whose language is not known: found out from what they say, once, and the call turns to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from controller.audio.mix import Ducker
from controller.audio.vad import Endpointer
from controller.engines import Engines
from controller.engines.stt.identifying import IdentifyingStream, Settling
from controller.messages import Clause, Transcript
from controller.pipeline.conversation import Conversation, SpeechSettings
from controller.ticker import Ticker
from controller.virtual_time import run
from tests.fakes.fake_engines import FakeRecogniser, FakeStream, FakeTranslator, FakeVoice
from tests.fakes.fake_observer import RecordingObserver
from tests.fakes.fake_phone import FakePhone, LoudDetector
from tests.quiet import quiet

PAIR = ("en", "es")


class IdentifyingRecogniser(FakeRecogniser):
    """Takes speakers for what the script says, utterance by utterance: (language, probability)."""

    def __init__(self, script: dict[str, list[tuple[str, float]]]) -> None:
        super().__init__()
        self.identified = script

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> FakeStream:
        assert language == ",".join(PAIR)
        stream = super().open(speaker, language, now)
        answers = iter(self.identified[speaker])
        receive = stream.receive

        async def identified() -> Transcript:
            transcript = await receive()
            found, probability = next(answers)
            return replace(transcript, language=found, language_probability=probability)

        stream.receive = identified  # type: ignore[method-assign]
        return stream

    def hears(self, language: str) -> bool:
        return True


def test_one_sure_utterance_settles_it_or_two_that_agree() -> None:
    assert Settling().feed("es", 0.99)
    unsure = Settling()
    assert [unsure.feed(*one) for one in [("es", 0.7), ("en", 0.7), ("en", 0.5), ("en", 0.7), ("en", 0.7)]] == [
        False,
        False,
        False,
        False,
        True,
    ]


def spoken(script: dict[str, list[tuple[str, float]]]) -> tuple[list[Clause], FakeRecogniser, dict[str, str]]:
    """A call of two unknown speakers who take turns, three utterances each: clauses, the call's own recogniser, and
    the languages in the end."""
    then = FakeRecogniser()
    seen = RecordingObserver()
    languages: dict[str, str] = {}

    async def main() -> None:
        ticker = Ticker()
        engines = Engines(then, FakeTranslator(), FakeVoice(seconds=0.5), IdentifyingRecogniser(script))
        speech = SpeechSettings(lambda: Endpointer(LoudDetector(), endpoint_ms=300), Ducker)
        call = Conversation("call", engines, speech, ticker, seen)
        FakePhone(call, "a", "en", [(1, 2), (9, 10), (17, 18)], PAIR)
        FakePhone(call, "b", "es", [(5, 6), (13, 14), (21, 22)], PAIR)
        ticking = asyncio.create_task(ticker.run())
        await asyncio.sleep(26)
        languages.update({name: leg.language for name, leg in call.legs.items()})
        await call.close()
        ticking.cancel()

    run(main())
    return seen.clauses, then, languages


def test_two_who_speak_the_other_way_round_are_interpreted_from_the_first_word() -> None:
    clauses, then, languages = spoken({"a": [("es", 0.99)], "b": [("en", 0.99)]})
    assert [(one.speaker, one.language) for one in clauses] == [("a", "es"), ("b", "en")] * 3
    assert languages == {"a": "es", "b": "en"}
    assert len(then.streams) == 2, "the call's own recogniser takes over at the second utterance"


def test_the_other_is_assumed_to_speak_the_other_language_of_the_pair() -> None:
    clauses, _, languages = spoken({"a": [("es", 0.99)], "b": [("es", 0.5), ("en", 0.7), ("en", 0.7)]})
    assert [one.language for one in clauses if one.speaker == "b"] == ["es", "en", "en"]
    assert languages == {"a": "es", "b": "en"}


def test_an_unsure_utterance_changes_no_listener() -> None:
    clauses, then, languages = spoken({"a": [("es", 0.7), ("en", 0.7), ("es", 0.7)], "b": [("es", 0.7)] * 3})
    assert [one.language for one in clauses if one.speaker == "a"] == ["es", "en", "es"]
    assert languages == {"a": "en", "b": "es"}
    assert [stream._speaker for stream in then.streams] == ["b"], "two that agree settle it"


class Broken(FakeRecogniser):
    """Its streams end with a fault."""

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> FakeStream:
        stream = super().open(speaker, language, now)

        async def receive() -> Transcript:
            raise KeyError("a bug")

        stream.receive = receive  # type: ignore[method-assign]
        return stream


def test_a_fault_of_the_identifier_is_raised_to_whoever_receives() -> None:
    async def main() -> None:
        stream = IdentifyingStream(
            "a", PAIR, lambda: 0.0, identifier=Broken(), then=FakeRecogniser(), on_settled=lambda _: None
        )
        with quiet("controller.engines.stt.identifying"), pytest.raises(KeyError):
            await stream.receive()
        await stream.aclose()

    run(main())


def test_the_language_of_one_who_has_just_left_concerns_nobody() -> None:
    async def main() -> None:
        engines = Engines(FakeRecogniser(), FakeTranslator(), FakeVoice(), IdentifyingRecogniser({"b": []}))
        speech = SpeechSettings(lambda: Endpointer(LoudDetector(), endpoint_ms=300), Ducker)
        call = Conversation("call", engines, speech, Ticker(), RecordingObserver())
        a = FakePhone(call, "a", "en", [], ())
        FakePhone(call, "b", "es", [], PAIR)
        a.hang_up()
        await call.leave("a")
        a.leg.orchestrator._identified("en")
        assert call.languages() == {"b": "es"}
        await call.close()

    run(main())
