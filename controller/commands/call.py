"""`dragoman call list`, `call show NAME`, `call end NAME`: the calls of a running service, asked of its API."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any
from urllib.parse import quote

from controller.commands.reaching import ANSWER_S, Api, add_api
from controller.errors import StackError


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
        add_api(parser)
        parser.add_argument("--json", action="store_true", help="as JSON")
        parser.set_defaults(run=run)


def _list(options: argparse.Namespace) -> int:
    calls = Api(options).ask("/calls")["calls"]
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
    one = Api(options).ask(f"/calls/{quote(options.name, safe='')}")
    if options.json:
        print(json.dumps(one))
        return 0
    deliveries, frames = one["deliveries"], one["frames"]
    reasons = ", ".join(f"{count} {reason}" for reason, count in deliveries["dropped"].items())
    print(f"call {one['name']}, up since {one['since']}")
    for party in one["parties"]:
        behind = one["backlog_s"].get(party["leg"], 0.0)
        print(f"  {party['leg']} speaks {party['language']}; {behind:.1f} s of translation wait to be heard")
        if party["leg"] in one.get("bypassed", ()):
            print(f"  {party['leg']} hears the original only: an engine is missing, see the service's log")
    print(f"  {one['clauses']} clauses; of {deliveries['opened']} deliveries {deliveries['played']} were played")
    print(f"  dropped: {reasons or 'none'}")
    print(f"  lag {_lag(one)}")
    print(
        f"  {frames['arrived']} frames arrived, {frames['dropped']} were dropped; {one['ticks_late']} ticks were late"
    )
    return 0


def _end(options: argparse.Namespace) -> int:
    api, path = Api(options), f"/calls/{quote(options.name, safe='')}"
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
