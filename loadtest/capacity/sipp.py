"""Phones by the dozen: SIPp's scenarios, what its phones say, and its command lines. Knows nothing of calls' insides.

One process calls and one is called: a process for each phone would cost more than the phones. Its number of calls is
set while it runs, by a word on its control port (`cset users 5`).
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

from asterisk.render import Extension
from controller.audio.g711 import mulaw
from controller.demo.script import prompts
from controller.stack.ports import LOOPBACK
from controller.stack.wav import PHONE_RATE
from export.setup.cache import Cache
from loadtest.frames.speech import ENGLISH, SPANISH, TALK_S, track

NUMBER: Final = "700"
"""What the callers dial."""

_SDP: Final = """Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=- 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio [rtpstream_audio_port] RTP/AVP 0
      a=rtpmap:0 PCMU/8000
      a=ptime:20
"""

_HEAD: Final = """<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="{name}">
"""

_SPEAK: Final = """  <nop><action><exec rtp_stream="{sound},-1,0,PCMU/8000"/></action></nop>
  <recv request="BYE"/>
  <send><![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

  ]]></send>
</scenario>
"""

_CALLER: Final = (
    _HEAD
    + """  <send retrans="500"><![CDATA[
      INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
      From: <sip:a@[local_ip]:[local_port]>;tag=[pid]a[call_number]
      To: <sip:[service]@[remote_ip]:[remote_port]>
      Call-ID: [call_id]
      CSeq: 1 INVITE
      Contact: <sip:a@[local_ip]:[local_port]>
      Max-Forwards: 70
      {sdp}
  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
      ACK [next_url] SIP/2.0
      Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
      From: <sip:a@[local_ip]:[local_port]>;tag=[pid]a[call_number]
      To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
      Call-ID: [call_id]
      CSeq: 1 ACK
      Max-Forwards: 70
      Content-Length: 0

  ]]></send>
"""
    + _SPEAK
)

_CALLED: Final = (
    _HEAD
    + """  <recv request="INVITE"/>
  <send retrans="500"><![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:];tag=[pid]b[call_number]
      [last_Call-ID:]
      [last_CSeq:]
      Contact: <sip:b@[local_ip]:[local_port]>
      {sdp}
  ]]></send>
  <recv request="ACK"/>
"""
    + _SPEAK
)

_COMMON: Final = (
    "-i",
    LOOPBACK,
    "-mi",
    LOOPBACK,
    "-ci",
    LOOPBACK,
    "-nostdin",
    "-aa",
    "-trace_err",
    "-rtp_threadtasks",
    "60",
)


def dialled(port: int) -> Extension:
    """What `NUMBER` leads to: the phones that are called, which listen at `port`."""
    return Extension(NUMBER, "en", "es", f"PJSIP/phone/sip:b@{LOOPBACK}:{port}")


def prepare(cache: Cache, folder: Path) -> None:
    """Write the scenarios and what their phones say.

    Raises:
        StackError: the recorded prompts are not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, language, scenario in (("caller", "en", _CALLER), ("called", "es", _CALLED)):
        sound = folder / f"{name}.ul"
        names = ENGLISH if language == "en" else SPANISH
        said = track([pcm for _, pcm in prompts(cache.prompts, language, names)], rate=PHONE_RATE, pause_s=TALK_S)
        sound.write_bytes(mulaw(said))
        text = scenario.format(name=name, sound=sound.absolute(), sdp=_SDP)
        (folder / f"{name}.xml").write_text(text, encoding="latin-1")


def callers(program: Path, folder: Path, asterisk: int, port: int, control: int) -> list[str | Path]:
    """The command of the process that calls: nobody at first, then as many as it is told to at `control`.

    Args:
        asterisk: its SIP port.
        port: their own.
    """
    errors = ("-error_file", str(folder / "callers-errors.log"))
    return [program, f"{LOOPBACK}:{asterisk}", "-sf", folder / "caller.xml", "-s", NUMBER, "-p", str(port),
            "-cp", str(control), "-users", "0", *errors, *_COMMON]  # fmt: skip


def called(program: Path, folder: Path, port: int, control: int) -> list[str | Path]:
    """The command of the process that is called."""
    errors = ("-error_file", str(folder / "called-errors.log"))
    return [program, "-sf", folder / "called.xml", "-p", str(port), "-cp", str(control), *errors, *_COMMON]


def no_more(control: int) -> None:
    """Have the process that calls end once its calls have."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as word:
        word.sendto(b"q", (LOOPBACK, control))
