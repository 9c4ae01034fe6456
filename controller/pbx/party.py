"""One participant of a call: what passes between their channel and the conversation, and how much waits in Asterisk.

Knows frames and marks; knows nothing of how calls come about, nor of languages. Nothing here waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from controller.audio.levels import dbfs
from controller.frames import SILENCE, Pcm
from controller.pbx.ari_ids import PREFIX
from controller.pbx.media import MarkReached, MediaChannel, MediaEvent, QueueStatus

MARGIN_FRAMES = 2
"""Frames held in Asterisk: with none, every tick that is a little late would be a gap in the phone's stream."""

DEEPEST_FRAMES = 4
"""More than this waiting in Asterisk is a standing queue: it would delay all that follows."""

FLUSH_FRAMES = 15
"""More than this is what a stall of Asterisk has left: it is thrown away at once."""

STATUS_EVERY_FRAMES = 25
"""The depth is asked for twice a second; no answer until the next time means that Asterisk has stalled."""

QUIET_DBFS = -50.0
"""Frames below this level may be left out or doubled unheard: line noise, not speech."""


class Leg(Protocol):
    """What becomes of one party in the conversation."""

    def push(self, pcm: Pcm) -> None:
        """A frame came from the party, int16[320]."""

    def reached(self, mark: str) -> None:
        """All that was sent to the party before `mark` has been played."""


Join = Callable[[str, "Party"], Leg]
"""Called once a party with its name and the party, to whom `send` and `mark` what it shall hear."""


class Party:
    """One participant's channel with its media channel and bridge."""

    def __init__(self, call: str, name: str, channel_id: str) -> None:
        self.name = name
        self.channel_id = channel_id
        self.media_id = f"{PREFIX}{call}.{name}.media"
        self.bridge_id = f"{PREFIX}{call}.{name}.bridge"
        self.media: MediaChannel | None = None
        self._leg: Leg | None = None
        self._correction = 0
        """Silent frames to add (above zero) or to leave out (below zero)."""
        self._sent = 0
        self._asked = False
        """A status was asked for and has not come."""
        self._stalled = False

    def on_frame(self, pcm: Pcm) -> None:
        """A frame came from the party; before the call is interpreted there is nowhere for it to go."""
        if self._leg is not None:
            self._leg.push(pcm)

    def on_event(self, event: MediaEvent) -> None:
        """Pass marks on, and correct the depth of what waits in Asterisk."""
        if isinstance(event, MarkReached) and self._leg is not None:
            self._leg.reached(event.mark)
        if isinstance(event, QueueStatus):
            self._correct(event)

    def _correct(self, event: QueueStatus) -> None:
        self._asked = self._stalled = False
        self._correction = 0
        if event.frames > FLUSH_FRAMES:
            self._restart_margin()
        elif event.frames > DEEPEST_FRAMES:
            self._correction = MARGIN_FRAMES - event.frames
        elif event.frames == 0:
            self._correction = MARGIN_FRAMES

    def start(self, join: Join) -> None:
        """Begin to pass frames: throw away what has gathered, lay down the margin, join."""
        self._restart_margin()
        self._leg = join(self.name, self)

    def _restart_margin(self) -> None:
        assert self.media is not None
        self.media.flush()
        for _ in range(MARGIN_FRAMES):
            self.media.send(SILENCE)

    def mark(self, name: str) -> bool:
        """Ask to be told when all that was sent so far is played; False where that cannot be."""
        return self.media is not None and self.media.mark(name)

    def send(self, pcm: Pcm) -> bool:
        """Let the party hear 20 ms, int16[320]; False where they had to be dropped."""
        if self.media is None:
            return False
        self._sent += 1
        if self._sent % STATUS_EVERY_FRAMES == 0:
            # Sockets take seconds of audio before they refuse: an Asterisk that stops reading would play it all later.
            self._stalled = self._asked
            self._asked = self.media.request_status()
        if self._stalled:
            return False
        if self._correction and dbfs(pcm) < QUIET_DBFS:
            if self._correction < 0:
                self._correction += 1
                return True
            self._correction -= 1
            self.media.send(SILENCE)
        return self.media.send(pcm)
