"""What shows only after a while, six calls side by side on one service for a minute:

one in which hardly anything is said, one whose phone sends nothing in silence (DTX), one whose phone stops sending for
good, one who never stops speaking, two who speak at once all the time, and one on a bad network. Each is held to what
a caller would expect, and all to the rig's laws.
"""

from __future__ import annotations

import asyncio
from statistics import median

import numpy as np
import pytest

from controller.audio.levels import dbfs
from controller.frames import Pcm
from controller.messages import Delivery, Outcome
from controller.stack.asterisk import AsteriskServer
from tests.fakes.sip_phone import SipPhone
from tests.fakes.sounds import RATE, found_at, gain_of
from tests.fakes.udp_relay import UdpRelay
from tests.scenarios.rig import STEP_S
from tests.scenarios.scene import Scene, Talk, clip_engines, sentence

pytestmark = pytest.mark.minute

MINUTE_S = 60.0
FIRST_S = 4.0
"""When the first words are said: by then all calls are up."""

SWAY_S = 0.1
"""How much the way of the original may grow or shrink in a call: the margin is corrected in silence, and on a busy
machine each frame that comes late and is filled in moves what follows by 20 ms."""

PIECE_S = 0.3
"""Long enough to be like nothing else; the first sentence has four of them and more."""

DUCKED = {"playback": {"duck_db": -18}}
"""Less than by default, so that it can be told from what is not there at all."""

KINDS = ("silent", "dtx", "gone", "never stops", "both at once", "bad network")
SENTENCES = ("all-circuits-busy-now", "vm-msgsaved", "number-not-answering", "conf-waitforleader")


def turns(gap_s: float) -> list[tuple[float, Pcm]]:
    """Sentences for a minute with so much silence between them, and when each begins."""
    placed: list[tuple[float, Pcm]] = []
    at = FIRST_S
    while at < MINUTE_S - 5:
        pcm = sentence(SENTENCES[len(placed) % len(SENTENCES)])
        placed.append((at, pcm))
        at += len(pcm) / RATE + gap_s
    return placed


class Minute:
    """The calls by kind, as they were when the minute was over."""

    def __init__(self) -> None:
        self.talks: dict[str, Talk] = {}
        self.relay = UdpRelay(loss=0.05, jitter_s=0.06, seed=3)
        self.said: dict[str, list[tuple[float, Pcm]]] = {}
        self.still_up: set[str] = set()


@pytest.fixture(scope="module")
def minute(asterisk: AsteriskServer) -> Minute:
    result = Minute()

    async def main() -> None:
        pairs = [
            (SipPhone("a", relay=result.relay if kind == "bad network" else None), SipPhone("b", auto_answer=True))
            for kind in KINDS
        ]
        async with Scene(asterisk, pairs, engines=clip_engines(), settings=DUCKED) as scene:
            for kind in KINDS:
                result.talks[kind] = await scene.call()
            begun = asyncio.get_running_loop().time()
            speak(result)
            dtx = result.talks["dtx"].phones["a"]
            result.talks["gone"].phones["a"].mute()
            for at_s, pcm in result.said["dtx"]:
                dtx.mute()
                await asyncio.sleep(max(0.0, at_s - 0.1 - dtx.elapsed_s))
                dtx.mute(False)
                await asyncio.sleep(len(pcm) / RATE + 0.2)
            dtx.mute()
            await asyncio.sleep(max(0.0, begun + MINUTE_S + 5 - asyncio.get_running_loop().time()))
            result.still_up = {kind for kind, talk in result.talks.items() if talk.record.ended is None}
            for kind in result.still_up:
                await result.talks[kind].hang_up()
            await asyncio.to_thread(result.talks["gone"].phones["a"].wait_ended, STEP_S)

    asyncio.run(main())
    return result


def speak(minute: Minute) -> None:
    """Give every phone what it says in the whole minute."""
    hum = sentence("number-not-answering")
    length = len(hum) / RATE
    minute.said = {
        "silent": [(FIRST_S, hum), (MINUTE_S - 2 - length, hum)],
        "dtx": [(at, sentence("vm-msgsaved")) for at in (FIRST_S, 12.0, 24.0, 50.0)],
        "never stops": [(FIRST_S + count * length, hum) for count in range(int((MINUTE_S - FIRST_S) / length))],
        "both at once": turns(gap_s=1.2),
        "bad network": turns(gap_s=2.5),
    }
    for kind, placed in minute.said.items():
        for at_s, pcm in placed:
            minute.talks[kind].phones["a"].say(pcm, at_s=at_s)
            if kind == "both at once":
                minute.talks[kind].phones["b"].say(pcm[::-1], at_s=at_s)  # nothing like it, and as long


def all_played(minute: Minute, kind: str, listener: str) -> None:
    """Each sentence was one clause; each clause was played, and heard."""
    talk = minute.talks[kind]
    played = talk.played(listener)
    assert len(played) == len(minute.said[kind])
    assert all(one.outcome is Outcome.PLAYED for one in talk.seen.deliveries)
    for delivery in played:
        talk.assert_translation_heard(delivery)


def test_all_calls_stay_up_but_the_one_whose_phone_is_gone(minute: Minute) -> None:
    assert minute.still_up == set(KINDS) - {"gone"}
    for kind in KINDS[:-1]:
        minute.talks[kind].assert_flows("b")


def test_silence_is_no_clause_and_who_speaks_after_a_minute_is_interpreted(minute: Minute) -> None:
    all_played(minute, "silent", "b")
    assert minute.talks["silent"].clauses("b") == []
    assert minute.talks["silent"].level("b", 20, 50) < -60


def test_a_phone_that_sends_nothing_in_silence_is_interpreted(minute: Minute) -> None:
    all_played(minute, "dtx", "b")
    assert minute.talks["dtx"].figures("a").filled > 30 * 50, "its silences were to be filled in"


def test_a_phone_that_sends_nothing_any_more_is_hung_up(minute: Minute) -> None:
    talk = minute.talks["gone"]
    assert talk.record.ended is not None and talk.record.ended.by == "a"
    assert talk.clauses("a") == []


def test_one_who_never_stops_is_interpreted_while_speaking(minute: Minute) -> None:
    talk = minute.talks["never stops"]
    clauses, played = talk.clauses("a"), talk.played("b")
    assert len(clauses) >= 5
    assert len(played) == len(clauses)
    assert max(clause.span.seconds for clause in clauses) < 12, "it was to be cut"
    spoken_until = minute.said["never stops"][-1][0]
    assert sum(one.first_s is not None and one.first_s < spoken_until for one in played) >= 4
    for delivery in played:
        talk.assert_translation_heard(delivery)


def test_both_at_once_are_interpreted_over_each_other(minute: Minute) -> None:
    talk = minute.talks["both at once"]
    for listener in ("a", "b"):
        all_played(minute, "both at once", listener)
        speaker = "b" if listener == "a" else "a"
        place, undimmed = first_original(talk, speaker, listener)
        assert undimmed > 0.7
        gains = [original_under(talk, delivery, place / RATE) for delivery in talk.played(listener)]
        dimmed = [gain / undimmed for gain in gains if gain is not None]
        assert len(dimmed) >= 5, "the translations were to fall into what was said next"
        assert max(dimmed) < 0.2
        assert 0.1 < median(dimmed) < 0.16, "18 dB are a factor of 0.126; what is not there comes to half of it"


def first_original(talk: Talk, speaker: str, listener: str) -> tuple[int, float]:
    """Samples from a mouth to an ear, and the original's gain before anything is played over it: medians of pieces.

    Of pieces, because a frame that came late and was filled in shifts all that follows by 20 ms: one piece of the whole
    sentence would be as unlike as what lies beyond the shift is long, and tell nothing of how loud it is.
    """
    found = []
    for start_s in np.arange(FIRST_S - 1, FIRST_S + 2, PIECE_S).tolist():
        said = talk.said(speaker, start_s, start_s + PIECE_S)
        if dbfs(said) > -30:
            found.append(found_at(said, talk.heard(listener, start_s, start_s + PIECE_S + 1)))
    assert len(found) >= 3, "the first sentence is not in what was said"
    return round(median(place for place, _ in found)), median(gain for _, gain in found)


def original_under(talk: Talk, delivery: Delivery, path_s: float) -> float | None:
    """The original's gain under a translation; None where nothing was said meanwhile."""
    assert delivery.ear_s is not None
    start_s, end_s = delivery.ear_s + 0.2, delivery.ear_s + 0.8
    said = talk.said(delivery.clause.speaker, start_s, end_s)
    heard = talk.heard(delivery.listener, start_s + path_s - SWAY_S, end_s + path_s + SWAY_S)
    return gain_of(said, heard) if dbfs(said) > -30 else None


def test_a_bad_network_costs_no_clause(minute: Minute) -> None:
    assert minute.relay.from_phone.lost > 50
    all_played(minute, "bad network", "b")
