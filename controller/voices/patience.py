"""How long to go on asking a server that fails: seldomer each time, and in the end no more."""

from __future__ import annotations

from typing import Final

RETRIES: Final = 5
"""The first with the next turn, each further one after twice as many; after 31 turns it is given up. Chosen: a server
that restarts is back within the first few, and a call of an hour asks a dead one six times."""


class Patience:
    """With one server, for one speaker of one call."""

    def __init__(self, retries: int = RETRIES) -> None:
        self._most = 1 << retries
        self._wait = 0
        """Turns until it may be asked."""
        self._next = 1

    @property
    def over(self) -> bool:
        """It is not asked any more."""
        return self._next > self._most

    def turn(self) -> bool:
        """They finished a turn; returns whether the server may be asked now."""
        self._wait = max(0, self._wait - 1)
        return not self._wait and not self.over

    def failed(self) -> None:
        self._wait, self._next = self._next, 2 * self._next

    def worked(self) -> None:
        self._wait, self._next = 0, 1
