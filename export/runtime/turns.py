"""Streams served in turns by one thread: each gets one step, so that a long one never holds up a short one's start.

Knows nothing of sound or of Triton.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Stream(Generic[Item]):
    """One listener's stream. Exactly one of the three endings is called, once: a last `put`, `cancel` or `fail`."""

    items: Iterator[tuple[Item, bool]]
    """What is sent, each with whether it is the last."""
    put: Callable[[Item | None, bool], None]
    """Send an item; (None, True) ends a stream that had no last item."""
    cancelled: Callable[[], bool]
    """Asked before each step."""
    cancel: Callable[[], None]
    fail: Callable[[Exception], None]


class Turns(Generic[Item]):
    """Serves streams until it is stopped."""

    def __init__(self, *, most: int) -> None:
        """`most` streams may be under way."""
        self._most = most
        self._streams: deque[Stream[Item]] = deque()
        self._under_way = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="turns", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        with self._changed:
            return self._under_way

    def add(self, stream: Stream[Item]) -> bool:
        """Take a stream up; False where there are too many already."""
        with self._changed:
            if self._under_way >= self._most or self._stopping:
                return False
            self._under_way += 1
            self._streams.append(stream)
            self._changed.notify()
            return True

    def stop(self, timeout_s: float) -> None:
        """Cancel what is under way and wait for the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or bool(self._streams))
                if not self._streams:
                    return
                stream = self._streams.popleft()
            goes_on = self._step(stream)
            with self._changed:
                if goes_on:
                    self._streams.append(stream)
                else:
                    self._under_way -= 1

    def _step(self, stream: Stream[Item]) -> bool:
        if self._stopping or stream.cancelled():
            stream.cancel()
            return False
        try:
            item, last = next(stream.items)
        except StopIteration:
            stream.put(None, True)
            return False
        except Exception as error:  # noqa: BLE001 - the listener must hear of it, and the others go on
            stream.fail(error)
            return False
        stream.put(item, last)
        return not last
