"""The machine's cores, lent to one piece of work at a time where there are not enough for two.

A step and a vocoding that run side by side on two cores, each with two threads, take up to three times as long as one
after the other: each waits for a thread that the other keeps from its core. Knows no work.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Cores:
    """Lent in the order in which they were asked for."""

    def __init__(self, *, shared: bool) -> None:
        """`shared` lends them to everybody at once."""
        self._shared = shared
        self._changed = threading.Condition()
        self._line: deque[object] = deque()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """They are the caller's own until the end of the block."""
        if self._shared:
            yield
            return
        ticket = object()
        with self._changed:
            self._line.append(ticket)
            self._changed.wait_for(lambda: self._line[0] is ticket)
        try:
            yield
        finally:
            with self._changed:
                self._line.popleft()
                self._changed.notify_all()
