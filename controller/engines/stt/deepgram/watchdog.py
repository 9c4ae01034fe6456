"""Says when a peer that takes audio and says nothing counts as frozen. Deepgram's library notices after a minute.

It is asked with each frame of speech, and so never barks in silence, when Deepgram says nothing because it hears none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FROZEN_S: Final = 2.4
"""Of speech without a word from Deepgram, which tells what it hears about once a second."""


class Watchdog:
    """Of one connection."""

    def __init__(self, now: Callable[[], float], limit_s: float = FROZEN_S) -> None:
        """`now`: a clock in seconds that never goes back."""
        self._now = now
        self._limit_s = limit_s
        self._since_s: float | None = None

    def speech(self) -> bool:
        """A frame of speech was sent. True where the peer is frozen."""
        now = self._now()
        if self._since_s is None:
            self._since_s = now
        return now - self._since_s >= self._limit_s

    def rest(self) -> None:
        """Something came from the peer, or the speaker has ended: from the next frame on it has all of the time."""
        self._since_s = None
