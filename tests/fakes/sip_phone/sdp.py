"""The one kind of session description (RFC 4566) that a phone with one audio stream needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from controller.stack.ports import LOOPBACK
from tests.fakes.sip_phone.g711 import Law

EVENTS = 101
"""Payload type of telephone events (RFC 4733), ours and Asterisk's."""

MIRRORED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
"""What answers a direction (RFC 3264, 6.1)."""


@dataclass(frozen=True, slots=True)
class Media:
    """Where the other side wants its audio, and how."""

    address: tuple[str, int]
    payload_types: tuple[int, ...]
    """Best first."""

    direction: str


def describe(port: int, laws: Sequence[Law], direction: str, version: int) -> str:
    """An offer, or an answer, for audio that is received at `port`."""
    types = " ".join(str(one.payload_type) for one in laws)
    lines = [
        "v=0",
        f"o=- 1 {version} IN IP4 {LOOPBACK}",
        "s=-",
        f"c=IN IP4 {LOOPBACK}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {types} {EVENTS}",
        *(f"a=rtpmap:{one.payload_type} {one.name}/8000" for one in laws),
        f"a=rtpmap:{EVENTS} telephone-event/8000",
        f"a=fmtp:{EVENTS} 0-15",
        "a=ptime:20",
        f"a={direction}",
    ]
    return "".join(f"{line}\r\n" for line in lines)


def parse(text: str) -> Media:
    """The audio stream of a description.

    Raises:
        ValueError: there is none.
    """
    host = re.search(r"^c=IN IP4 (\S+)", text, re.MULTILINE)
    audio = re.search(r"^m=audio (\d+) \S+ ([\d ]+)", text, re.MULTILINE)
    if host is None or audio is None:
        raise ValueError(f"no audio stream in {text!r}")
    direction = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", text, re.MULTILINE)
    return Media(
        (host[1], int(audio[1])),
        tuple(int(one) for one in audio[2].split()),
        direction[1] if direction else "sendrecv",
    )
