"""What one media channel is sent: a margin against late ticks, unheard corrections, nothing while it has stalled.

Knows frames and how many of them wait in Asterisk; knows nothing of calls. Nothing here waits.
"""

from __future__ import annotations

from controller.audio.levels import dbfs
from controller.frames import FRAME_S, SILENCE, Pcm
from controller.pbx.media import MediaChannel, QueueStatus

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

PATIENCE_S = 2.0
"""So long a correction waits for such a frame. On a noisy line none may ever come."""

IMPATIENCE_DB_S = 6.0
"""By so much a second the level rises from then on: what is left out or doubled is about the quietest there is."""


class Feed:
    """The way into one media channel, for as long as it lives."""

    def __init__(self, media: MediaChannel) -> None:
        """Throws away what has gathered in it, and lays down the margin."""
        self._media = media
        self._correction = 0
        """Frames to double (above zero) or to leave out (below zero)."""
        self._waited_s = 0.0
        """For a frame that is quiet enough."""
        self._sent = 0
        self._asked = False
        """A status was asked for and has not come."""
        self._stalled = False
        self.restart()

    def restart(self) -> None:
        """Begin anew with nothing but the margin."""
        self._correction = 0
        self._media.flush()
        if self._media.paces:
            for _ in range(MARGIN_FRAMES):
                self._media.send(SILENCE)

    def mark(self, name: str) -> bool:
        """Ask to be told when all that was sent so far is played; False where that cannot be."""
        return self._media.mark(name)

    def send(self, pcm: Pcm) -> bool:
        """Send 20 ms, int16[320]; False where they had to be dropped."""
        if not self._media.paces:  # nothing waits there that could be too much or too little
            return self._media.send(pcm)
        self._sent += 1
        if self._sent % STATUS_EVERY_FRAMES == 0:
            # Sockets take seconds of audio before they refuse: an Asterisk that stops reading would play it all later.
            self._stalled, self._asked = self._asked, True
            self._media.request_status()
        if self._stalled:
            return False
        if self._correction == 0:
            self._waited_s = 0.0
        elif self._unheard(pcm):
            if self._correction < 0:
                self._correction += 1
                return True
            self._correction -= 1
            self._media.send(pcm)
        return self._media.send(pcm)

    def _unheard(self, pcm: Pcm) -> bool:
        """Whether this is the frame to correct with."""
        level = dbfs(pcm)
        if level < QUIET_DBFS:
            return True
        self._waited_s += FRAME_S
        if level >= QUIET_DBFS + max(0.0, self._waited_s - PATIENCE_S) * IMPATIENCE_DB_S:
            return False
        self._waited_s -= 1.0  # not two in a row: what is heard of it is a frame, not a word
        return True

    def answered(self, status: QueueStatus) -> None:
        """So much waits in Asterisk: decide what to correct."""
        self._asked = self._stalled = False
        lacking, self._correction = self._correction > 0, 0
        if status.frames > FLUSH_FRAMES:
            self.restart()
        elif status.frames > DEEPEST_FRAMES:
            self._correction = MARGIN_FRAMES - status.frames
        elif status.frames == 0 or lacking:
            self._correction = max(0, MARGIN_FRAMES - status.frames)
