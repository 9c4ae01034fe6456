"""An engine freezes in mid-word on a real call, and the one behind it goes on: every word is told once, every clause
heard once, and what was heard is understood as well as in a call of the same recordings in which nobody froze."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.stack.asterisk import AsteriskServer
from controller.stack.triton import TritonServer
from controller.telemetry import wer
from tests import entry_points
from tests.fakes.fake_deepgram import Fault
from tests.fakes.freezing_voice import NAME
from tests.scenarios.frozen.call import ENTRY_POINTS, Cloud, Result, Trouble, call, truth

pytestmark = pytest.mark.frozen

pytest.importorskip("controller.engines.stt.deepgram.connection", reason="deepgram-sdk is not installed")

SLIPS = 2
"""Words that a recogniser may mishear. A sentence that is lost, or told twice, is eight."""

WORSE_MOST = 0.03
"""Of the words, three in a hundred."""


@pytest.fixture(scope="module", autouse=True)
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """They are found by their names."""
    folder: Path = entry_points.write(tmp_path_factory.mktemp("linked"), ENTRY_POINTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(folder), *sys.path])
        yield


@pytest.fixture(scope="module")
def undisturbed(asterisk: AsteriskServer, triton: TritonServer) -> Result:
    """The call in which nobody froze."""
    return asyncio.run(call(asterisk, triton, Trouble()))


def is_as_good(one: Result) -> None:
    """Nothing was lost, and nothing came twice."""
    assert [delivery.reason for delivery in one.deliveries] == [None] * len(one.clauses)
    assert wer.errors(" ".join(truth()), " ".join(one.words))[0] <= SLIPS, one.words
    assert len(one.heard) == len(one.clauses)
    for each in one.heard:
        assert each.once, f"{each.delivery.target!r} is at {each.edges}"


def troubled(asterisk: AsteriskServer, triton: TritonServer, trouble: Trouble, undisturbed: Result) -> Result:
    """The call with that trouble: as good as the other, and understood as well.

    Of the 57 words of one call two that the recogniser mishears by itself are more than the bound: where one call is
    worse, another is made, and both count.
    """
    calls: list[Result] = []
    while not calls or (len(calls) < 2 and calls[0].again > undisturbed.again + WORSE_MOST):
        calls.append(asyncio.run(call(asterisk, triton, trouble)))
        is_as_good(calls[-1])
    worse = sum(one.again for one in calls) / len(calls)
    assert worse <= undisturbed.again + WORSE_MOST, [(e.delivery.target, e.again) for c in calls for e in c.heard]
    return calls[0]


def test_nobody_freezes(undisturbed: Result) -> None:
    """What the others are compared with is worth it, and is theirs who are asked first."""
    is_as_good(undisturbed)
    assert undisturbed.again < 0.3
    assert undisturbed.answers.keys() >= {("deepgram",), ("deepl",), (NAME,)}


async def gone(cloud: Cloud) -> None:
    """It takes and says nothing any more, and answers no handshake."""
    cloud.deepgram.always = Fault.SLOW_OPEN
    await cloud.deepgram.strike(Fault.FREEZE)


async def back(cloud: Cloud) -> None:
    cloud.deepgram.always = None


async def stuck(cloud: Cloud) -> None:
    """What is connected says nothing any more; who comes anew is served."""
    await cloud.deepgram.strike(Fault.FREEZE)


def test_a_recogniser_that_is_gone_for_good(
    asterisk: AsteriskServer, triton: TritonServer, undisturbed: Result
) -> None:
    one = troubled(asterisk, triton, Trouble(amid=gone), undisturbed)
    assert one.told == 2, "one of the turn's sentences was told when it froze: of that nothing is to be told again"
    assert one.failovers["deepgram", "whisper"] >= 2, "the turn in which it froze, and the next"
    assert one.answers["whisper",] >= 2


def test_a_recogniser_that_comes_back(asterisk: AsteriskServer, triton: TritonServer, undisturbed: Result) -> None:
    one = troubled(asterisk, triton, Trouble(amid=gone, after=back), undisturbed)
    assert one.failovers["deepgram", "whisper"] >= 1
    assert one.answers["deepgram",] >= 2, "before, and after it has come back"


def test_a_recogniser_that_is_stuck_is_connected_anew_while_the_speaker_goes_on(
    asterisk: AsteriskServer, triton: TritonServer, undisturbed: Result
) -> None:
    one = troubled(asterisk, triton, Trouble(amid=stuck, sentence=0), undisturbed)
    assert one.told == 1


async def dumb(cloud: Cloud) -> None:
    cloud.deepl.frozen = True


def test_a_translator_that_answers_no_more(asterisk: AsteriskServer, triton: TritonServer, undisturbed: Result) -> None:
    one = troubled(asterisk, triton, Trouble(before=dumb), undisturbed)
    assert one.failovers["deepl", "apertium"] >= 1
    assert one.answers["apertium",] >= 3


async def silent(cloud: Cloud) -> None:
    cloud.voice.frozen_after_s = 0


async def breaking_off(cloud: Cloud) -> None:
    cloud.voice.frozen_after_s = 1.2


async def thawed(cloud: Cloud) -> None:
    cloud.voice.frozen_after_s = None


def test_a_voice_that_cannot_begin(asterisk: AsteriskServer, triton: TritonServer, undisturbed: Result) -> None:
    one = troubled(asterisk, triton, Trouble(before=silent), undisturbed)
    assert one.failovers[NAME, "pico"] >= 1
    assert one.answers["pico",] >= 3


def test_a_voice_that_stops_in_mid_word(asterisk: AsteriskServer, triton: TritonServer, undisturbed: Result) -> None:
    """What was heard is not begun again: the next voice goes on with the rest."""
    one = troubled(asterisk, triton, Trouble(before=breaking_off, after=thawed, turn=2), undisturbed)
    assert one.answers["pico",] == 1
    assert [len(each.edges) for each in one.heard] == [2, 2, 2, 4, 2, 2, 2, 2], "one of them is in two pieces"
