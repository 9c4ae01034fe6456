"""An event loop whose clock jumps to the next timer instead of waiting for it: minutes of call in milliseconds.

For tests, and for `dragoman replay`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Never waits: where the loop would sleep, its clock is moved instead."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.clock = start

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits for something that never comes")
        if not ready and timeout:
            self.clock += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time moves only by timers."""

    def __init__(self, start: float = 0.0) -> None:
        """`start`: what the clock reads at first, in seconds."""
        self._virtual = _Selector(start)
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.clock

    def set_time(self, seconds: float) -> None:
        """Let the clock read exactly `seconds`: a sum of waits may be off in its last bit."""
        self._virtual.clock = seconds


def run(main: Coroutine[Any, Any, T], start: float = 0.0) -> T:
    """`asyncio.run` on virtual time, which begins at `start` seconds."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(start)) as runner:
        return runner.run(main)
