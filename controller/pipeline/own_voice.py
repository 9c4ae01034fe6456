"""What the stages of a speaker need of that speaker's own voice: it listens, and says what to speak them with."""

from __future__ import annotations

from typing import Protocol

from controller.engines.tts.timbre import Timbre
from controller.messages import VoiceEvent
from controller.voices.standing import Standing


class OwnVoice(Protocol):
    """Of one speaker. Nothing but `close` waits for anything."""

    @property
    def standing(self) -> Standing:
        """Whether it is known to be theirs."""
        ...

    def push(self, event: VoiceEvent) -> None:
        """What their recogniser is fed, in the same order, without the echo of what they were sent."""
        ...

    def timbre(self) -> Timbre | None:
        """What to speak with now; None is the neutral voice. Asked anew for every clause, and for the rest of one that
        broke off: it may have been taken back meanwhile."""
        ...

    async def close(self) -> None:
        """They have left."""
        ...
