"""The scripted phone against Asterisk's echo test: what the other scenarios lean on."""

from __future__ import annotations

import time

import numpy as np
import pytest

from controller.errors import StackError
from controller.frames import Pcm
from controller.stack.asterisk import AsteriskServer
from tests.fakes.sip_phone import PCMA, PCMU, SipPhone
from tests.fakes.sip_phone.g711 import Law
from tests.fakes.udp_relay import UdpRelay
from tests.scenarios.transport import RATE, likeness, speech_like

ECHO = "100"


def delay_s(said: Pcm, heard: Pcm) -> float:
    """By how much `heard` lags `said`, by correlation."""
    size = len(said) + len(heard)
    match = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size)), size)
    return float(np.argmax(match[: len(heard)])) / RATE


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_it_hears_its_own_echo_on_one_time_axis(asterisk: AsteriskServer, law: Law) -> None:
    with SipPhone("alice", speech_like(2, seed=1), laws=[law]) as phone:
        phone.dial(asterisk.sip_uri(ECHO))
        phone.wait_established()
        at_s = phone.say(speech_like(1, seed=2), at_s=2.5)
        time.sleep(4)
        phone.hang_up()
        phone.wait_ended()
    said, heard = phone.said(), phone.heard()
    assert likeness(speech_like(2, seed=1), heard[: 3 * RATE]) > 0.95
    assert likeness(speech_like(1, seed=2), heard[round(at_s * RATE) :]) > 0.95
    assert 0 <= delay_s(said, heard) < 0.1
    assert abs(len(heard) - len(said)) < RATE / 5
    assert phone.calls[0].status == 200


def test_codec_change_hold_keys_and_no_packets(asterisk: AsteriskServer) -> None:
    with SipPhone("alice", laws=[PCMU, PCMA]) as phone:
        phone.dial(asterisk.sip_uri(ECHO))
        phone.wait_established()
        phone.change_codec(PCMA)
        assert phone.stream.law is PCMA
        phone.say(speech_like(1, seed=1))
        time.sleep(1.3)
        phone.press("59")
        time.sleep(0.6)
        assert phone.stream.keys_heard == "59"
        phone.hold()
        sent = phone.stream.packets_out
        time.sleep(0.3)
        assert phone.stream.packets_out == sent
        phone.resume()
        phone.mute()
        sent = phone.stream.packets_out
        time.sleep(0.3)
        assert phone.stream.packets_out == sent
        phone.mute(False)
        phone.say(speech_like(1, seed=2))
        time.sleep(1.3)
        assert phone.in_call
    assert likeness(speech_like(1, seed=1), phone.heard()) > 0.95
    assert likeness(speech_like(1, seed=2), phone.heard()) > 0.95


def test_a_bad_network_loses_and_reorders(asterisk: AsteriskServer) -> None:
    relay = UdpRelay(loss=0.05, jitter_s=0.06, seed=1)
    with SipPhone("alice", speech_like(4, seed=1), relay=relay) as phone:
        phone.dial(asterisk.sip_uri(ECHO))
        phone.wait_established()
        time.sleep(4.5)
    assert relay.from_phone.came > 200
    for counts in (relay.from_phone, relay.from_asterisk):
        assert 0.01 < counts.lost / counts.came < 0.12


def test_forty_phones_in_one_process(asterisk: AsteriskServer) -> None:
    phones = [SipPhone(f"p{number}", speech_like(2, seed=number)).start() for number in range(40)]
    try:
        for phone in phones:
            phone.dial(asterisk.sip_uri(ECHO))
        for phone in phones:
            phone.wait_established()
        time.sleep(2.5)
    finally:
        for phone in phones:
            phone.stop()
    for phone in phones:
        assert phone.stream.packets_in == pytest.approx(phone.stream.packets_out, rel=0.05)
    assert likeness(speech_like(2, seed=39), phones[39].heard()) > 0.95


def test_a_call_to_nowhere_is_refused(asterisk: AsteriskServer) -> None:
    with SipPhone("alice") as phone:
        phone.dial(asterisk.sip_uri("999"))
        with pytest.raises(StackError, match="was refused: 404"):
            phone.wait_established()
