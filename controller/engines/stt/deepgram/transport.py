"""What carries a stream to Deepgram and back: a Transport opens Links. Tests have one in memory, the product the SDK's.

Messages arrive as the SDK gives them: objects with attributes, any of which may be missing, or None.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol


class Control(Enum):
    """What is sent beside audio."""

    KEEP_ALIVE = auto()
    """Only over what `keeps_alive_by_text`."""

    FINISH = auto()
    """What was sent so far is to be told: Finalize to nova, ForceEndTurn to Flux."""

    CLOSE = auto()


class Link(Protocol):
    """One connection."""

    async def send(self, message: bytes | Control) -> None:
        """
        Raises:
            EngineUnavailable: the connection is lost.
        """
        ...

    async def close(self) -> None:
        """End it in good order."""
        ...

    def abort(self) -> None:
        """Cut it. Nothing is waited for; to be done with one that was closed, too, does no harm."""
        ...


class Transport(Protocol):
    """Where Deepgram is, and how it is asked."""

    @property
    def keeps_alive_by_text(self) -> bool:
        """False where silence must be sent lest the connection be closed: Flux knows no KeepAlive."""
        ...

    async def open(
        self, speaker: str, language: str, on_message: Callable[[object], None], on_closed: Callable[[str], None]
    ) -> Link:
        """A connection for one speaker.

        Args:
            speaker, language: as in `Recogniser.open`.
            on_message: called with each message.
            on_closed: called with the reason when no more will come, perhaps more than once.
        Raises:
            EngineBarred: the key is wrong, or the account may do no more.
            EngineRejected: the options are refused.
            EngineUnavailable: at this moment there is none to be had.
        """
        ...
