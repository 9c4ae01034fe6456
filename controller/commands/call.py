"""`dragoman call list`, `call show NAME`, `call end NAME`: the calls of a running service, asked of its API."""

from __future__ import annotations

import argparse
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from controller.errors import StackError, UsageError
from controller.settings import Settings, load

ANSWER_S = 5.0
"""Seconds to wait for an answer, and for a call to end."""


def add(commands: Any) -> None:
    """Add `call` to the command line's sub-commands."""
    call = commands.add_parser("call", help="the calls of a running service: list, show, end")
    verbs = call.add_subparsers(required=True, metavar="VERB")
    for verb, what, run in (
        ("list", "every call that is up", _list),
        ("show", "one call: who is in it, and how it fares", _show),
        ("end", "hang up on everyone in a call", _end),
    ):
        parser = verbs.add_parser(verb, help=what)
        if verb != "list":
            parser.add_argument("name", help="as `call list` tells it")
        parser.add_argument("--url", help="the service's API; by default what the settings say")
        parser.add_argument("--config", type=Path, help="the service's settings, for its address and its token")
        parser.add_argument("--json", action="store_true", help="as JSON")
        parser.set_defaults(run=run)


def _list(options: argparse.Namespace) -> int:
    calls = _Api(options).ask("/calls")["calls"]
    if options.json:
        print(json.dumps(calls))
        return 0
    for one in calls:
        parties = " ".join(f"{party['leg']}:{party['language']}" for party in one["parties"])
        print(f"{one['name']}  since {one['since']}  {parties}  {one['clauses']} clauses  lag {_lag(one)}")
    if not calls:
        print("no call is up")
    return 0


def _show(options: argparse.Namespace) -> int:
    one = _Api(options).ask(f"/calls/{quote(options.name, safe='')}")
    if options.json:
        print(json.dumps(one))
        return 0
    deliveries, frames = one["deliveries"], one["frames"]
    reasons = ", ".join(f"{count} {reason}" for reason, count in deliveries["dropped"].items())
    print(f"call {one['name']}, up since {one['since']}")
    for party in one["parties"]:
        behind = one["backlog_s"].get(party["leg"], 0.0)
        print(f"  {party['leg']} speaks {party['language']}; {behind:.1f} s of translation wait to be heard")
    print(f"  {one['clauses']} clauses; of {deliveries['opened']} deliveries {deliveries['played']} were played")
    print(f"  dropped: {reasons or 'none'}")
    print(f"  lag {_lag(one)}")
    print(
        f"  {frames['arrived']} frames arrived, {frames['dropped']} were dropped; {one['ticks_late']} ticks were late"
    )
    return 0


def _end(options: argparse.Namespace) -> int:
    api, path = _Api(options), f"/calls/{quote(options.name, safe='')}"
    api.ask(f"{path}/end", b"{}")
    deadline = time.monotonic() + ANSWER_S
    while options.name in [one["name"] for one in api.ask("/calls")["calls"]]:
        if time.monotonic() > deadline:
            raise StackError(f"The call {options.name} has been told to end and is still up: see the service's log.")
        time.sleep(0.2)
    print(json.dumps({"ended": options.name}) if options.json else f"{options.name} has ended")
    return 0


def _lag(one: dict[str, Any]) -> str:
    lag = one["lag_ms"]
    return f"p50 {lag['p50']:.0f} p95 {lag['p95']:.0f} p99 {lag['p99']:.0f} ms" if lag["n"] else "not known yet"


class _Api:
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
        request = urllib.request.Request(self._url + path, body, {"Content-Type": "application/json"})
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}".encode().decode("latin-1"))  # UTF-8 on the wire
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            raise StackError(_told(error)) from error
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", error)
            raise StackError(
                f"No service answers at {self._url} ({why}): start it with `dragoman serve`, or name it with --url."
            ) from error
        if not isinstance(said, dict):
            raise StackError(f"What answers at {self._url} is no Dragoman service.")
        return said


def _told(error: urllib.error.HTTPError) -> str:
    """The API's own sentence."""
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"What answers at {error.url} is no Dragoman service: it says {error.code}."
