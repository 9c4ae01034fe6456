"""A soft phone (baresip) without sound hardware: it speaks a recording and records what it hears.

Knows one phone's process, folder and ports; knows nothing of Asterisk's configuration or of languages.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np

from controller.errors import StackError
from controller.frames import Pcm
from controller.stack.port_block import PortBlock
from controller.stack.ports import LOOPBACK
from controller.stack.process import Child, Run
from controller.stack.wav import read_recording, write_wav
from export.setup.cache import Cache

READY_S: Final = 15.0
_COMMAND_S: Final = 5.0
_STOP_S: Final = 5.0
_POLL_S: Final = 0.02
_PORTS: Final = 24

_READY: Final = "baresip is ready"
_REGISTERED: Final = " binding"
"""Of "{0/TLS/v4} 200 OK () [1 binding]"."""
_NOT_REGISTERED: Final = re.compile(r"^.*(: [3-6]\d\d [A-Z]|Register: |(?i:tls).*(?i:error|fail)).*$", re.MULTILINE)
_NO_CODEC: Final = "audio codec not found"
_CALL: Final = re.compile("call: connecting to|ua: using AF from sdp offer")
"""Where the log of the next call begins, out or in."""
_INCOMING: Final = "Incoming call from"
_ESTABLISHED: Final = "Call established"
# Hung up by this side; refused by it; hung up or refused by the other; over with its recording.
_ENDED: Final = (
    "call: terminate call",
    "call: rejecting incoming call",
    "session closed",
    "terminated (duration",
)


@dataclass(frozen=True, slots=True)
class Codec:
    """What a phone speaks on the wire."""

    sdp: str
    """Its name in baresip's account: name/rate/channels."""

    module: str
    """The baresip module that holds it."""

    rate: int
    """Hertz, of what it plays and of what it records."""


@dataclass(frozen=True, slots=True)
class Account:
    """With whom a phone registers."""

    server: str
    """Host and port of its SIP service."""

    password: str
    tls: bool = False
    """Its certificate is not looked at: no baresip before 1.1 does."""

    srtp: bool = False
    """Offer SRTP, and take nothing else."""


PCMU: Final = Codec("PCMU/8000/1", "g711", 8000)
PCMA: Final = Codec("PCMA/8000/1", "g711", 8000)
G722: Final = Codec("G722/16000/1", "g722", 16000)


class SoftPhone:
    """One phone. Its recording of what it heard starts with the first packet that came and leaves out pauses in the
    stream: it is a clock only while the other side sends without a gap.
    """

    def __init__(
        self,
        run: Run,
        name: str,
        speaks: Pcm,
        *,
        seconds: float | None = None,
        codec: Codec = PCMU,
        auto_answer: bool = False,
        account: Account | None = None,
        binary: Path | None = None,
        modules: Path | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            name: its SIP user, and the name of its folder and log in the run.
            speaks: int16 at `codec.rate`: what it says from the moment a call is established.
            seconds: length of the call: silence follows what it says. At the end it hangs up by itself.
            auto_answer: whether it answers a call at once, or rings until `answer`.
            account: with whom it registers once it is started; None: with nobody.
            binary, modules: another baresip than the cache's.
        """
        cache = Cache.default()
        self.name = name
        self.codec = codec
        self.folder = run.folder / "phones" / name
        self._run = run
        self._speaks = speaks
        self._seconds = seconds
        self._auto_answer = auto_answer
        self._account = account
        self._binary = binary or cache.baresip
        self._modules = modules or cache.phone_root / "usr/lib/baresip/modules"
        self._block: PortBlock | None = None
        self._child: Child | None = None

    @property
    def uri(self) -> str:
        """Its SIP address: `sip:name@127.0.0.1:port`. It has one once it is started."""
        return f"sip:{self.name}@{LOOPBACK}:{self._ports()[1]}"

    @property
    def rtp_ports(self) -> range:
        """The UDP ports among which its RTP arrives. It has them once it is started."""
        ports = self._ports()
        return range(ports[4], ports[_PORTS - 1] + 1)

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def log(self) -> str:
        """All that it has printed."""
        return self._child.log.read_text(errors="replace") if self._child else ""

    def __enter__(self) -> SoftPhone:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> SoftPhone:
        """Start it and wait until it can call and be called.

        Raises:
            StackError: it is not there, ended, or was not ready in time.
        """
        if not self._binary.is_file():
            raise StackError(f"The soft phone is missing: {self._binary} does not exist. Run `make setup` to get it.")
        self._block = PortBlock.take(_PORTS)
        self._configure()
        self._child = self._run.spawn(f"phone-{self.name}", [self._binary, "-f", self.folder])
        try:
            self._wait(lambda log: _READY in log, READY_S, "was not ready")
            if _NO_CODEC in self.log:
                raise StackError(f"This soft phone cannot speak {self.codec.sdp}: its module does not load here.")
        except StackError:
            self.stop()
            raise
        return self

    def wait_registered(self, timeout_s: float = 10.0) -> None:
        """Wait until the server has taken its registration.

        Raises:
            StackError: it was refused, or the server was not trusted, or it took too long.
        """

        def decided(log: str) -> bool:
            return _REGISTERED in log or _NOT_REGISTERED.search(log) is not None

        self._wait(decided, timeout_s, "was not registered")
        if _REGISTERED not in self.log and (why := _NOT_REGISTERED.search(self.log)):
            raise StackError(f"The phone {self.name} was not registered: {why[0].strip()}")

    def dial(self, uri: str) -> None:
        """Call `uri`, such as `sip:201@127.0.0.1:15060`. Returns before anyone has answered."""
        self._command("dial", uri)

    def answer(self) -> None:
        """Take the call that rings."""
        self._command("accept")

    def hang_up(self) -> None:
        """End the call (or refuse the one that rings) and stay ready for the next."""
        self._command("hangup")

    def press(self, digits: str) -> None:
        """Send DTMF digits (RFC 4733), one after the other."""
        for digit in digits:
            self._command("sndcode", digit)

    def wait_ringing(self, timeout_s: float = 10.0, *, call: int = 1) -> None:
        """Wait until its `call`-th call since it started, in or out, is one that has come in."""
        self._wait(lambda log: _INCOMING in _call(log, call), timeout_s, "was not called")

    def wait_established(self, timeout_s: float = 10.0, *, call: int = 1) -> None:
        """Wait until its `call`-th call since it started is established.

        Raises:
            StackError: it ended or was refused instead, or it took too long.
        """

        def decided(log: str) -> bool:
            return _ESTABLISHED in _call(log, call) or _ended(_call(log, call))

        self._wait(decided, timeout_s, "was not connected")
        if _ESTABLISHED not in _call(self.log, call):
            raise StackError(f"The phone {self.name} was refused: see {self.folder}.")

    def wait_ended(self, timeout_s: float = 10.0, *, call: int = 1) -> None:
        """Wait until its `call`-th call since it started has ended or was refused."""
        self._wait(lambda log: _ended(_call(log, call)), timeout_s, "was not hung up")

    @property
    def in_call(self) -> bool:
        """Whether a call is established now."""
        last = _CALL.split(self.log)[-1]
        return self._alive() and _ESTABLISHED in last and not _ended(last)

    def heard(self) -> Pcm:
        """What it heard in its last call: int16 at `codec.rate`; empty where it has heard nothing."""
        return self._recording("dec")

    def said(self) -> Pcm:
        """What it sent in its last call, from its first packet on: int16 at `codec.rate`."""
        return self._recording("enc")

    def stop(self) -> None:
        """End it. A call in progress is hung up (BYE) first."""
        if self._child is not None:
            self._child.stop(_STOP_S)
        if self._block is not None:
            self._block.close()
            self._block = None

    def kill(self) -> None:
        """SIGKILL: it vanishes without hanging up."""
        self._running().stop(grace_s=0)

    def _configure(self) -> None:
        ports = self._ports()
        recordings = self.folder / "recordings"
        recordings.mkdir(parents=True, exist_ok=True)
        wanted = round((self._seconds or 0) * self.codec.rate)
        padding = np.zeros(max(0, wanted - len(self._speaks)), np.int16)
        voice = self.folder / "speaks.wav"
        write_wav(voice, np.concatenate([self._speaks, padding]), self.codec.rate)
        settings = [
            ("poll_method", "epoll"),
            ("statmode_default", "off"),
            ("net_interface", LOOPBACK),
            ("sip_listen", f"{LOOPBACK}:{ports[1]}"),  # it takes the next port too, for TLS
            ("ctrl_tcp_listen", f"{LOOPBACK}:{ports[3]}"),
            ("rtp_ports", f"{self.rtp_ports[0]}-{self.rtp_ports[-1]}"),
            ("audio_source", f"aufile,{voice}"),
            ("audio_player", "aubridge,nil"),
            ("audio_alert", "aubridge,nil"),
            ("ausrc_srate", self.codec.rate),
            ("auplay_srate", self.codec.rate),
            ("ausrc_channels", 1),
            ("auplay_channels", 1),
            ("snd_path", recordings),
            ("module_path", self._modules),
            *(("module", f"{one}.so") for one in (self.codec.module, "aubridge", "aufile", "sndfile", "ctrl_tcp")),
            *((("module", "srtp.so"),) if self._account and self._account.srtp else ()),
            ("module_tmp", "uuid.so"),
            ("module_tmp", "account.so"),
            ("module_app", "menu.so"),
        ]
        (self.folder / "config").write_text("".join(f"{key} {value}\n" for key, value in settings))
        (self.folder / "accounts").write_text(self._login() + "\n")
        (self.folder / "contacts").write_text("")

    def _login(self) -> str:
        """Its line in baresip's accounts file."""
        one = self._account
        if one is None:
            line = f"<sip:{self.name}@{LOOPBACK};transport=udp>;regint=0"
        else:
            line = f"<sip:{self.name}@{one.server};transport={'tls' if one.tls else 'udp'}>"
            line += f";auth_pass={one.password};regint=60" + (";mediaenc=srtp-mand" if one.srtp else "")
        return f"{line};audio_codecs={self.codec.sdp}" + (";answermode=auto" if self._auto_answer else "")

    def _recording(self, side: str) -> Pcm:
        files = sorted((self.folder / "recordings").glob(f"dump-*-{side}.wav"))
        return read_recording(files[-1])[0] if files else np.zeros(0, np.int16)

    def _command(self, command: str, parameters: str = "") -> None:
        """Give it a command over its control port: a JSON object as a netstring.

        Raises:
            StackError: it does not run, does not answer, or refuses.
        """
        self._running()
        body = json.dumps({"command": command, "params": parameters, "token": "dragoman"}).encode()
        try:
            with socket.create_connection((LOOPBACK, self._ports()[3]), _COMMAND_S) as control:
                control.sendall(b"%d:%b," % (len(body), body))
                answer = _response(control)
        except (OSError, ValueError) as error:
            raise StackError(f"The phone {self.name} did not take the command {command}: {error}") from error
        if not answer.get("ok"):
            raise StackError(f"The phone {self.name} refused to {command} {parameters}: {answer.get('data')}")

    def _wait(self, condition: Callable[[str], bool], timeout_s: float, otherwise: str) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            alive = self._alive()  # before the log is read, so that its last words are in it
            if condition(self.log):
                return
            if not alive:
                words = self._child.log_tail(3) if self._child else ""
                raise StackError(f"The phone {self.name} {otherwise}: it has ended, last saying {words!r}.")
            time.sleep(_POLL_S)
        raise StackError(f"The phone {self.name} {otherwise} within {timeout_s:g} s: see {self.folder}.")

    def _alive(self) -> bool:
        return self._child is not None and self._child.exit_code is None

    def _running(self) -> Child:
        if self._child is None or self._child.exit_code is not None:
            raise StackError(f"The phone {self.name} does not run: start it first.")
        return self._child

    def _ports(self) -> PortBlock:
        if self._block is None:
            raise StackError(f"The phone {self.name} does not run: start it first.")
        return self._block


def _call(log: str, number: int) -> str:
    """What the log says of the `number`-th call; empty before there is one."""
    parts = _CALL.split(log)
    return parts[number] if number < len(parts) else ""


def _ended(log: str) -> bool:
    return any(words in log for words in _ENDED)


def _response(control: socket.socket) -> dict[str, object]:
    """The answer among the netstrings that arrive; events in between are passed over."""
    buffer = b""
    while True:
        length, colon, rest = buffer.partition(b":")
        if colon and len(rest) > int(length):
            message = json.loads(rest[: int(length)])
            buffer = rest[int(length) + 1 :]
            if isinstance(message, dict) and message.get("response"):
                return message
            continue
        received = control.recv(65_536)
        if not received:
            raise ValueError("it closed the connection")
        buffer += received
