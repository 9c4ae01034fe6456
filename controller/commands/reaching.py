"""How commands reach what runs: a service's API, and Triton. Standard library only, beside the settings."""

from __future__ import annotations

import argparse
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from controller.errors import EngineUnavailable, StackError, UsageError
from controller.settings import Settings, TritonSettings, load

ANSWER_S = 5.0
"""Seconds to wait for an answer, and for a call to end."""


def add_api(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where a service's API is."""
    parser.add_argument("--url", help="the service's API; by default what the settings say")
    parser.add_argument("--config", type=Path, help="the service's settings, for its address and its token")


def triton_settings(settings: Settings, address: str | None) -> TritonSettings:
    """Those of `settings`, at `address` where one is given.

    Raises:
        UsageError: it is no host and port.
    """
    if address is None:
        return settings.triton
    if not re.fullmatch(r"[^/\s]+:\d+", address):
        raise UsageError(f"--triton takes a host and the port of its gRPC service, as 127.0.0.1:8001, not {address!r}.")
    return settings.triton.model_copy(update={"grpc": address})


@contextmanager
def asking_triton(address: str) -> Iterator[None]:
    """Says where Triton was looked for when it was not there.

    Raises:
        StackError: it cannot be reached, or cannot do it at this moment.
    """
    try:
        yield
    except EngineUnavailable as error:
        raise StackError(f"{error}. Triton is looked for at {address}: start it, or name it with --triton.") from error


class Api:
    """A running service's API."""

    def __init__(self, options: argparse.Namespace) -> None:
        """
        Raises:
            DragomanError: the settings are wrong.
        """
        settings: Settings = load(options.config)
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.api.host, settings.api.host)
        self._url: str = (options.url or f"http://{host}:{settings.api.port}").rstrip("/")
        if not self._url.startswith(("http://", "https://")):
            raise UsageError(f"--url takes an address such as http://127.0.0.1:8090, not {self._url!r}.")
        self._token = settings.api.token.get_secret_value()

    def ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        """What the API answers; a `body` is posted.

        Raises:
            StackError: nothing answers there, or it refuses.
        """
        with self.open(path, body) as answer:
            try:
                said = json.load(answer)
            except (OSError, ValueError) as error:
                raise self._nobody(error) from error
        if not isinstance(said, dict):
            raise StackError(f"What answers at {self._url} is no Dragoman service.")
        return said

    def open(self, path: str, body: bytes | None = None, *, patience_s: float = ANSWER_S) -> HTTPResponse:
        """The beginning of an answer.

        Args:
            patience_s: how long its beginning, and then each piece of it, may take.
        Raises:
            StackError: nothing answers there, or it refuses.
        """
        request = urllib.request.Request(self._url + path, body, {"Content-Type": "application/json"})
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}".encode().decode("latin-1"))  # UTF-8 on the wire
        try:
            answer: HTTPResponse = urllib.request.urlopen(request, timeout=patience_s)
        except urllib.error.HTTPError as error:
            raise StackError(_told(error)) from error
        except (OSError, ValueError) as error:
            raise self._nobody(error) from error
        return answer

    def _nobody(self, error: Exception) -> StackError:
        why = getattr(error, "reason", error)
        return StackError(
            f"No service answers at {self._url} ({why}): start it with `dragoman serve`, or name it with --url."
        )


def _told(error: urllib.error.HTTPError) -> str:
    """The API's own sentence."""
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"What answers at {error.url} is no Dragoman service: it says {error.code}."
