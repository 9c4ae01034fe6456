"""A real Asterisk for one run: its own configuration, ports and sockets, on loopback.

Knows how to start, ask and end it; knows nothing of ARI's calls or of audio.
"""

from __future__ import annotations

import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final

from asterisk.get import Installed, installed
from asterisk.render import TEMPLATES, Extension, dialplan, render
from asterisk.site import Site, write
from controller.errors import StackError
from controller.stack.port_block import PortBlock
from controller.stack.ports import LOOPBACK, is_free
from controller.stack.process import Child, Run
from export.setup.cache import Cache
from export.setup.errors import SetupError

READY_S: Final = 30.0
"""Seconds within which it must say that it is ready; it needs 0.5 to 2."""

STOP_S: Final = 10.0
_CLI_S: Final = 10.0
_POLL_S: Final = 0.02
_SOCKET_PATH_MAX: Final = 107
_READY: Final = "Asterisk Ready"
_LOG_LINE: Final = re.compile(r"(?:ERROR|WARNING)\[\d+\]\S*: \S+ \w+: (?P<message>.*)")
# It says that it is ready all the same when one of these happened.
_LAME: Final = re.compile(r"address already in use|unable to bind|error loading module|declined to load", re.IGNORECASE)


class AsteriskServer:
    """Asterisk with the templates of `asterisk/`, ready once `start` has returned."""

    def __init__(
        self,
        run: Run,
        *,
        extensions: Iterable[Extension] = (),
        codecs: str = "ulaw,alaw,g722",
        rtp_timeout_s: int = 30,
        rtp_ports: int = 400,
        sip_port: int | None = None,
        http_port: int | None = None,
        name: str = "asterisk",
        binary: Path | None = None,
        modules: Path | None = None,
        data: Path | None = None,
        templates: Path = TEMPLATES,
        site: Site | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            extensions: the numbers whose calls are interpreted.
            codecs: what phones may speak, in Asterisk's names, best first.
            rtp_timeout_s: seconds without RTP after which a phone is taken for gone.
            rtp_ports: how many UDP ports to keep for RTP: two a leg.
            sip_port, http_port: where to listen; free ones by default.
            name: of its log and its folder in the run.
            binary, modules, data: another Asterisk than the cache's.
            site: what it is for real phones, its addresses and ports aside: those are the run's.
        """
        self._run = run
        self._name = name
        own = _cached()
        self._binary = binary or own.program
        self._modules = modules or own.modules
        self._data = data or own.data
        self.version = own.version if binary is None else ""
        """Such as 22.10.1; empty for another than the cache's."""
        self._templates = templates
        self._site = site
        self._extensions = tuple(extensions)
        self._codecs = codecs
        self._rtp_timeout_s = rtp_timeout_s
        self._rtp_ports = rtp_ports
        self._wanted = (sip_port, http_port)
        self._block: PortBlock | None = None
        self._child: Child | None = None
        self.folder = run.folder / name
        self.ari_user = "dragoman"
        self.ari_password = secrets.token_hex(16)
        self.sip_port = sip_port or 0
        """UDP; 0 before the first start, then the same for every start."""
        self.http_port = http_port or 0
        self.tls_port = 0
        """TCP, of a site with secure phones."""
        self.rtp_range = (0, 0)
        """First and last UDP port."""
        self.ready_s = 0.0
        """Seconds that the last start took."""

    @property
    def ari_url(self) -> str:
        """The base of ARI and of media sockets: `http://127.0.0.1:PORT/`."""
        return f"http://{LOOPBACK}:{self.http_port}/"

    def sip_uri(self, extension: str) -> str:
        """What a soft phone dials to reach `extension`."""
        return f"sip:{extension}@{LOOPBACK}:{self.sip_port}"

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        return self._running().pid

    @property
    def log(self) -> str:
        """All that it has printed since the last start."""
        return self._child.log.read_text(errors="replace") if self._child else ""

    def __enter__(self) -> AsteriskServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> AsteriskServer:
        """Start it and wait until it is ready. After a `stop` or a death it comes back on the same ports.

        Raises:
            StackError: it is not there, a port is taken, it ended, or it was not ready in time.
        """
        if self._child is not None and self._child.exit_code is None:
            raise StackError("Asterisk runs already: stop it before it is started again.")
        if not self._binary.is_file():
            raise StackError(f"Asterisk is missing: {self._binary} does not exist. Run `make setup` to get it.")
        self._take_ports()
        self._configure()
        began = time.monotonic()
        self._child = self._run.spawn(self._name, [self._binary, "-C", self._conf, "-f", "-n"])
        try:
            self._wait_ready(self._child, began + READY_S)
        except StackError:
            self.stop()
            raise
        self.ready_s = time.monotonic() - began
        return self

    def stop(self) -> None:
        """End it (calls in progress are hung up); nothing happens where it has ended already."""
        if self._child is not None:
            self._child.stop(STOP_S)
        if self._block is not None:
            self._block.close()
            self._block = None

    def kill(self) -> None:
        """SIGKILL, for tests of what happens then."""
        self._running().stop(grace_s=0)

    def cli(self, command: str) -> str:
        """What Asterisk's command line answers to `command`.

        Raises:
            StackError: it does not run, or does not answer in time.
        """
        self._running()
        try:
            done = subprocess.run(
                [str(self._binary), "-C", str(self._conf), "-rx", command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_CLI_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StackError(f"Asterisk did not answer `{command}`: {error}. See {self._running().log}.") from error
        if done.returncode != 0:
            raise StackError(f"Asterisk did not answer `{command}`: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def channels(self) -> list[str]:
        """Names of the channels that exist now."""
        lines = self.cli("core show channels concise").splitlines()
        return [line.split("!", 1)[0] for line in lines if "!" in line]

    def bridges(self) -> list[str]:
        """Ids of the bridges that exist now."""
        lines = self.cli("bridge show all").splitlines()[1:]
        return [line.split()[0] for line in lines if line.strip()]

    @property
    def _conf(self) -> Path:
        return self.folder / "etc" / "asterisk.conf"

    @property
    def _sockets(self) -> Path:
        return self._run.scratch / self._name

    def _running(self) -> Child:
        if self._child is None or self._child.exit_code is not None:
            raise StackError("Asterisk does not run: start it first.")
        return self._child

    def _take_ports(self) -> None:
        first = self.rtp_range[0] == 0
        if first:
            self._block = PortBlock.take(4 + self._rtp_ports)
            sip, http = self._wanted
            self.sip_port = sip or self._block[1]
            self.http_port = http or self._block[2]
            self.tls_port = self._block[3]
            self.rtp_range = (self._block[4], self._block[4 + self._rtp_ports - 1])
        for port, kind, what in (
            (self.sip_port, socket.SOCK_DGRAM, "SIP"),
            (self.http_port, socket.SOCK_STREAM, "HTTP"),
        ):
            if not is_free(port, kind=kind):
                self.stop()
                raise StackError(
                    f"Asterisk cannot listen for {what} on {LOOPBACK}:{port}: the port is in use. "
                    "End what holds it or name another port."
                )

    def _configure(self) -> None:
        control = self._sockets / "asterisk.ctl"
        if len(str(control)) > _SOCKET_PATH_MAX:
            raise StackError(f"{control} is too long for a control socket: set TMPDIR to a shorter path.")
        state = self.folder / "state"
        for needed in (self._sockets, state / "lib" / "keys", state / "spool", state / "log"):
            needed.mkdir(parents=True, exist_ok=True)
        etc = self._conf.parent
        if etc.is_dir():
            shutil.rmtree(etc)
        values = {
            "etc": str(etc),
            "modules": str(self._modules),
            "data": str(self._data),
            "state": str(state),
            "sockets": str(self._sockets),
            "http_port": str(self.http_port),
            "sip_port": str(self.sip_port),
            "rtp_first": str(self.rtp_range[0]),
            "rtp_last": str(self.rtp_range[1]),
            "rtp_timeout_s": str(self._rtp_timeout_s),
            "codecs": self._codecs,
            "ari_user": self.ari_user,
            "ari_password": self.ari_password,
            "extensions": dialplan(self._extensions),
        }
        render(self._templates, values, etc)
        if self._site is not None:
            write(self._of_this_run(self._site), self.ari_password, etc)

    def _of_this_run(self, site: Site) -> Site:
        return replace(
            site,
            address=LOOPBACK,
            sip_port=self.sip_port,
            tls_port=self.tls_port,
            rtp_first=self.rtp_range[0],
            rtp_last=self.rtp_range[1],
            http_port=self.http_port,
            ari_user=self.ari_user,
        )

    def _wait_ready(self, child: Child, deadline: float) -> None:
        while time.monotonic() < deadline:
            ended = child.exit_code is not None  # before the log is read, so that its last words are in it
            text = child.log.read_text(errors="replace")
            if ended:
                raise StackError(f"Asterisk ended while it started: {_telling(text)} (see {child.log})")
            if _READY in text:
                if bad := [line for line in text.splitlines() if _LAME.search(line)]:
                    raise StackError(f"Asterisk started without a part of it: {_telling(bad[0])} (see {child.log})")
                return
            time.sleep(_POLL_S)
        raise StackError(f"Asterisk was not ready within {READY_S:.0f} s: see {child.log}.")


def _cached() -> Installed:
    """The cache's Asterisk as set-up recorded it, or the place where it belongs."""
    cache = Cache.default()
    try:
        return installed(cache.asterisk)
    except SetupError:
        root = cache.asterisk_root
        modules = root / "usr/lib/x86_64-linux-gnu/asterisk/modules"
        return Installed(cache.asterisk, "", modules, root / "usr/share/asterisk")


def _telling(text: str) -> str:
    """The line that says most about what went wrong."""
    messages = [found["message"] for line in text.splitlines() if (found := _LOG_LINE.search(line))]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return messages[-1] if messages else (lines[-1] if lines else "it printed nothing")
