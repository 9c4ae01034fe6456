"""Forty scripted phones in one process against Asterisk's echo test: what the other scenarios lean on."""

from __future__ import annotations

import time

import pytest

from controller.stack.asterisk import AsteriskServer
from tests.fakes.sip_phone import PCMA, PCMU, SipPhone
from tests.fakes.sounds import likeness, speech_like

ECHO = "100"
COUNT = 40


def test_forty_phones_hear_their_echo(asterisk: AsteriskServer) -> None:
    phones = [SipPhone(f"p{n}", speech_like(2, seed=n), laws=[PCMU if n % 2 else PCMA]).start() for n in range(COUNT)]
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
        assert phone.calls[0].status == 200, "the BYE was not answered"
        assert phone.stream.packets_in == pytest.approx(phone.stream.packets_out, rel=0.05)
    for n in (0, 1):
        assert likeness(speech_like(2, seed=n), phones[n].heard(), piece_s=0.1) > 0.9
