"""The call process's end of the API: it starts the API process and sends it a snapshot a second, never waiting."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from typing import Any

from controller.errors import SettingsError

MAX_SNAPSHOT_BYTES = 1 << 20

log = logging.getLogger(__name__)


class ApiLink:
    """The API process, seen from the call process. It ends by itself when this one does, however that ends."""

    def __init__(self, host: str, port: int) -> None:
        """
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
        with http, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "controller.api", str(http.fileno()), str(theirs.fileno())],
                pass_fds=(http.fileno(), theirs.fileno()),
                start_new_session=True,  # Ctrl-C is ours to handle: it ends when we close the link
            )

    @property
    def alive(self) -> bool:
        """Whether the API process runs."""
        return self._process.poll() is None

    def send(self, ready: dict[str, bool], metrics: list[dict[str, Any]]) -> bool:
        """Send a snapshot; False where the API process is busy or gone."""
        try:
            self._link.send(json.dumps({"ready": ready, "metrics": metrics}).encode())
        except (BlockingIOError, BrokenPipeError, ConnectionError):
            return False
        return True

    def close(self) -> None:
        """End the API process."""
        self._link.close()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
