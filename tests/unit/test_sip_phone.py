"""The scripted phones that scenarios lean on, calling each other; what a phone hears is on a true time axis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest

from controller.errors import StackError
from controller.frames import Pcm
from tests.fakes.sip_phone import PCMA, PCMU, SipPhone
from tests.fakes.sip_phone.g711 import Law
from tests.fakes.sip_phone.playout import Playout
from tests.fakes.sounds import RATE, found_at, gain_of, likeness, speech_like
from tests.fakes.udp_relay import UdpRelay


@contextmanager
def two(**of_the_caller: object) -> Iterator[tuple[SipPhone, SipPhone]]:
    """One calls the other, who answers."""
    with ExitStack() as both:
        a = both.enter_context(SipPhone("a", **of_the_caller))  # type: ignore[arg-type]
        b = both.enter_context(SipPhone("b", laws=[PCMU, PCMA], auto_answer=True))
        a.dial(b.uri)
        a.wait_established()
        b.wait_established()
        yield a, b


def at_s(said: Pcm, heard: Pcm) -> float:
    return found_at(said, heard)[0] / RATE


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_a_law_is_as_good_as_it_can_be(law: Law) -> None:
    every = np.arange(-32768, 32768).astype(np.int16)
    back = law.decode(law.encode(every)).astype(int)
    assert np.abs(back - every).max() <= 1024  # half of the widest step, and what is above the loudest code
    assert np.array_equal(law.decode(law.encode(back.astype(np.int16))), back)


def test_what_is_said_is_heard_when_it_was_said() -> None:
    words = speech_like(0.6, seed=1)
    with two() as (a, b):
        began_s = a.say(words, at_s=0.2)
        b.loop(-20, 0.3)
        time.sleep(1.4)
        a.hang_up()
        b.wait_ended()
        assert not a.in_call and not b.in_call
    offset_s = a.stream.began - b.stream.began
    assert at_s(words, b.heard()) == pytest.approx(began_s + offset_s, abs=0.03)
    assert at_s(words, a.said()) == pytest.approx(began_s)
    assert at_s(words, a.heard()) == pytest.approx(began_s + 0.3, abs=0.06)
    assert gain_of(words, a.heard()) == pytest.approx(0.1, rel=0.2)


def test_hold_codec_keys_and_silence() -> None:
    with two(laws=[PCMU, PCMA]) as (a, b):
        a.change_codec(PCMA)
        assert a.stream.law is b.stream.law is PCMA
        b.press("4#")
        a.hold(speech_like(0.5, seed=2))
        time.sleep(0.8)
        assert a.stream.keys_heard in ("", "4", "4#")
        sent = b.stream.packets_out
        time.sleep(0.1)
        assert b.stream.packets_out == sent, "who is on hold says nothing"
        a.resume()
        a.mute()
        sent = a.stream.packets_out
        time.sleep(0.3)
        assert a.stream.packets_out == sent
        a.mute(False)
        b.press("4#")
        time.sleep(0.6)
        assert a.stream.keys_heard.endswith("4#")
    assert likeness(speech_like(0.5, seed=2), b.heard()) > 0.9


def test_calls_that_do_not_come_about() -> None:
    with SipPhone("a") as a, SipPhone("b") as b:
        a.dial(b.uri)
        b.wait_ringing()
        b.refuse(603)
        with pytest.raises(StackError, match="refused: 603"):
            a.wait_established()
        a.dial(b.uri)
        b.wait_ringing(call=2)
        a.hang_up()
        a.wait_ended(call=2)
        b.wait_ended(call=2)
        assert a.calls[1].status == b.calls[1].status == 487
        a.dial(b.uri)
        b.wait_ringing(call=3)
        b.answer()
        a.wait_established(call=3)
        b.hang_up()
        a.wait_ended(call=3)


def test_a_bad_network() -> None:
    relay = UdpRelay(loss=0.2, jitter_s=0.06, seed=1)
    with two(relay=relay) as (a, b):
        a.say(speech_like(2, seed=1))
        time.sleep(2)
        overtaken = b.stream.playout.too_late
    assert 0.05 < relay.from_phone.lost / relay.from_phone.came < 0.4
    assert relay.from_asterisk.lost > 0
    assert overtaken < 0.2 * b.stream.packets_in, "its buffer was to put them in order"


def test_the_place_of_a_packet() -> None:
    playout = Playout()
    loud = {"silent": False}
    assert playout.place(1000, 80, **loud) == 80
    assert playout.place(1160, 300, **loud) == 240, "a little late is heard in its place"
    assert playout.place(1480, 730, **loud) == 730, "later than a frame: a gap, and all after it later"
    assert playout.place(1320, 735, **loud) is None and playout.too_late == 1
    assert playout.place(1640, 750, **loud) == 890, "early waits"
    assert playout.place(1800, 1050, **loud) == 1050
    assert playout.place(1960, 1000, silent=True) == 1000, "until there is silence to catch up in"
    wrapped = Playout()
    assert wrapped.place(0xFFFFFFFF - 159, 0, **loud) == 0
    assert wrapped.place(0, 160, **loud) == 160
