"""A user is a call: one more is asked for, in SIPp's words, and stays up. The measured process tells how it fares."""

from __future__ import annotations

import socket
from itertools import count
from typing import Final

import gevent
from locust import User

from loadtest.capacity.users.shape import LOOK_S, RUN, WINDOW, Steps, every, fire

__all__ = ["Call", "Steps"]

NUMBERS: Final = count(1)


def _look() -> None:
    for lag in WINDOW.look():
        fire("call", "lag", lag)


every(LOOK_S, _look)


class Call(User):  # type: ignore[misc]  # locust has no types here
    """Both phones and everything between them."""

    def on_start(self) -> None:
        words = f"cset users {next(NUMBERS)}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            control.sendto(words.encode(), ("127.0.0.1", RUN.control))

    def _talk(self) -> None:
        gevent.sleep(1)

    tasks = [_talk]  # noqa: RUF012  # Locust wants it so
