"""The call process's end of the API: it starts the API process, sends it a snapshot a second and takes its requests.

Nothing here waits.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from controller.errors import SettingsError

MAX_SNAPSHOT_BYTES = 1 << 20
MAX_REQUEST_BYTES = 1 << 12

TOKEN = "DRAGOMAN_API__TOKEN"
"""The variable in which the API process is given what its callers must bear: a command line could be read by anyone."""

SPEECH = "DRAGOMAN_API__SPEECH"
"""The same for what it speaks with, as `speaking.hand_over` tells it: of all settings, these alone."""

VOICES = "DRAGOMAN_API__VOICES"
"""The same for the voices that it keeps, as `keeping.hand_over` tells them."""

log = logging.getLogger(__name__)


class ApiLink:
    """The API process, seen from the call process. It ends by itself when this one does, however that ends."""

    def __init__(self, host: str, port: int, token: str = "", speech: str = "", voices: str = "") -> None:
        """
        Args:
            token: what requests about calls and speech must bear; empty asks for none.
            speech: what it speaks with, as `speaking.hand_over` tells it; empty for nothing.
            voices: the voices that it keeps, and the tokens that are good for some things, as `keeping.hand_over` tells
                them; empty for neither.
        Raises:
            SettingsError: the port is in use or the host is not this machine's.
        """
        http = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        http.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            http.bind((host, port))
            http.listen(128)
        except OSError as error:
            http.close()
            raise SettingsError(
                f"The API cannot listen on {host}:{port}: {error.strerror}. "
                "Choose another api.port (DRAGOMAN_API__PORT; 0 takes any free one)."
            ) from error
        self.port: int = http.getsockname()[1]
        # One message a snapshot, whole or not at all, and an end of file when this process is gone.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_SNAPSHOT_BYTES)
        ours.setblocking(False)
        self._link = ours
        self._most_calls = sys.maxsize
        """Of a snapshot, once there were more than a message takes."""
        self._complained = False
        self._forget: Callable[[], object] = lambda: None
        """Stops listening."""
        with http, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "controller.api", str(http.fileno()), str(theirs.fileno())],
                pass_fds=(http.fileno(), theirs.fileno()),
                env=_environment() | {TOKEN: token, SPEECH: speech, VOICES: voices},
                start_new_session=True,  # Ctrl-C is ours to handle: it ends when we close the link
            )

    @property
    def alive(self) -> bool:
        """Whether the API process runs."""
        return self._process.poll() is None

    def listen(self, on_end: Callable[[str], None]) -> None:
        """Call `on_end` with the name of each call that the API is asked to end."""
        loop = asyncio.get_running_loop()

        def readable() -> None:
            try:
                request = self._link.recv(MAX_REQUEST_BYTES)
            except BlockingIOError:
                return
            except OSError:
                request = b""
            if request:
                on_end(str(json.loads(request)["end"]))
            else:  # the API process has gone
                loop.remove_reader(self._link)

        loop.add_reader(self._link, readable)
        self._forget = lambda: loop.remove_reader(self._link)

    def send(
        self,
        ready: dict[str, bool],
        metrics: list[dict[str, Any]],
        calls: list[dict[str, Any]],
        first_audio: Mapping[str, Any] | None = None,
        draining: bool = False,
    ) -> bool:
        """Send a snapshot; False where the API process is busy or gone.

        Of more calls than a message takes the first are told; it is health and metrics that must arrive.
        """
        while True:
            told = calls[: self._most_calls]
            parts = {
                "ready": ready,
                "metrics": metrics,
                "calls": told,
                "first_audio": first_audio,
                "draining": draining,
            }
            message = json.dumps(parts).encode()
            try:
                if len(message) > MAX_SNAPSHOT_BYTES:  # the other end reads no more; the kernel may take even less
                    raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
                self._link.send(message)
            except OSError as error:
                if error.errno != errno.EMSGSIZE or not told:
                    if not isinstance(error, BlockingIOError | ConnectionError):
                        self._complain(error)
                    return False
                self._most_calls = len(told) // 2
                log.warning("the API can be told of no more than %d calls at once", self._most_calls)
            else:
                return True

    def _complain(self, error: OSError) -> None:
        """Once: a snapshot is due every second."""
        if not self._complained:
            self._complained = True
            log.error("the API process cannot be told how calls fare: %s", error)

    def close(self) -> None:
        """End the API process."""
        self._forget()
        self._link.close()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    """Ours without the settings: the API process needs none of them, and some are secrets."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("DRAGOMAN_")}
