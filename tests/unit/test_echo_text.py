"""Clauses that say what was just played to their speaker are dropped, and no others."""

from __future__ import annotations

import asyncio

import pytest

from controller.audio.echo import EchoGuard
from controller.audio.mix import Ducker
from controller.audio.vad import Endpointer
from controller.messages import Clause, Outcome, Reason, Span, Translation
from controller.pipeline.conversation import SpeechSettings
from controller.pipeline.echo_text import EchoText
from controller.pipeline.ledger import Ledger
from controller.telemetry.waterfall import Mark
from tests.fakes.fake_call import bench, virtual
from tests.fakes.fake_engines import FakeRecogniser, FakeVoice
from tests.fakes.fake_phone import LoudDetector

PLAYED = "Por favor, marque el número que desea llamar."
GUARDED = SpeechSettings(lambda: Endpointer(LoudDetector(), endpoint_ms=300, guard=EchoGuard()), Ducker)
FIRST_S, LAST_S = 10.0, 13.0


def echo_text(*, over: bool) -> EchoText:
    """`b` was played PLAYED from FIRST_S on; where it is over, to LAST_S."""
    texts: list[EchoText] = []
    ledger = Ledger(lambda delivery: texts[0].delivered(delivery, LAST_S))
    texts.append(EchoText(ledger))
    said = Clause("a-1", "a", "Please dial the number you wish to call.", Span(6.0, 9.0), "en")
    ledger.open(said, "b", "es", {})
    ledger.translated(Translation(said, "es", PLAYED, "test"))
    ledger.mark_listener(said, "b", Mark.FIRST_PLAYED, FIRST_S)
    if over:
        ledger.played(said, "b", LAST_S)
    return texts[0]


@pytest.mark.parametrize("over", [True, False])
@pytest.mark.parametrize(
    ("text", "start_s", "end_s", "echo"),
    [
        (PLAYED, 10.0, 13.2, True),
        ("por favor marque el numero de sea llamar", 10.2, 13.4, True),  # misheard a little
        ("marque el número", 10.4, 11.8, True),
        ("llamar", 12.0, 13.3, True),
        ("el llamar", 12.0, 13.3, False),  # short: not in a row
        ("No quiero marcar ningún número ahora mismo.", 10.2, 13.3, False),
        ("llamar desea que número el marque favor por", 10.2, 13.3, False),  # not in order
        (PLAYED, 13.2, 16.2, False),  # repeated when it was over
        (PLAYED, 7.0, 9.9, False),  # before it was played
        ("", 10.0, 13.0, False),
    ],
)
def test_an_echo_has_the_words_of_what_was_played_at_the_time(
    text: str, start_s: float, end_s: float, echo: bool, over: bool
) -> None:
    clause = Clause("b-1", "b", text, Span(start_s, end_s), "es")
    assert echo_text(over=over).is_echo(clause, LAST_S) is echo


def test_only_what_was_played_to_the_speaker_in_the_speakers_language_counts() -> None:
    texts = echo_text(over=True)
    assert not texts.is_echo(Clause("a-2", "a", PLAYED, Span(10.0, 13.2), "es"), 14.0)
    assert not texts.is_echo(Clause("b-1", "b", PLAYED, Span(10.0, 13.2), "en"), 14.0)


@virtual
async def test_a_clause_that_was_only_played_is_dropped_and_counted() -> None:
    """The recogniser hears b say, while it plays, what b is being told; then something of b's own."""
    stt = FakeRecogniser(script=["we meet in the evening", "my own words"])
    async with bench(stt=stt, tts=FakeVoice(seconds=3.0, level=0), speech=GUARDED) as b:
        b.phone("a", "en", (1.0, 2.0))
        b.phone("b", "es", (3.6, 5.0), (9.0, 10.0))
        await asyncio.sleep(16)
        assert sorted((one.clause.id, one.outcome, one.reason) for one in b.seen.deliveries) == [
            ("a-1", Outcome.PLAYED, None),
            ("b-1", Outcome.DROPPED, Reason.ECHO),
            ("b-2", Outcome.PLAYED, None),
        ]
        assert [one.text for one in b.seen.translations] == ["es: we meet in the evening", "en: my own words"]
