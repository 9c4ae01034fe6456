"""Where on the call's clock an arriving frame belongs, and which frames never came.

Frames carry no time stamps of their own, so a frame's index is its arrival: (arrival - call start) / 20 ms. Knows
numbers only: no audio, no queue.
"""

from __future__ import annotations

from controller.frames import FRAME_S

MAX_LATE_FRAMES = 3
"""60 ms: how long a place is kept open for a frame that has not come."""

MAX_EARLY_FRAMES = 1
"""How far ahead of the clock a frame may be placed: the phase between Asterisk's timer and ours."""

ON_TIME_FRAMES = MAX_EARLY_FRAMES + 1
"""The room that a leg has which lacks nothing: for the frame that is due, and for an early one."""


class MediaClock:
    """One leg's counter. `room`, `take` for each frame at hand, and `fill` are called in this order."""

    def __init__(self, started_s: float = 0.0) -> None:
        """`started_s`: when the leg joined, on the call's clock."""
        self.next_index = int(started_s / FRAME_S)
        """The index that the next frame gets."""

    def room(self, now_s: float) -> int:
        """How many frames can still be placed at `now_s`."""
        room = int(now_s / FRAME_S) + ON_TIME_FRAMES - self.next_index
        return room if room > 0 else 0

    def on_time(self, now_s: float) -> bool:
        """Whether a frame that comes now has a place and none before it is missing: no burst, of which this may be the
        first."""
        return 0 < int(now_s / FRAME_S) + ON_TIME_FRAMES - self.next_index <= ON_TIME_FRAMES

    def take(self) -> int:
        """The index of a frame that is at hand and has room."""
        index = self.next_index
        self.next_index = index + 1
        return index

    def behind(self, now_s: float) -> bool:
        """Whether `fill` has anything to give up."""
        return self.next_index < int(now_s / FRAME_S) - MAX_LATE_FRAMES

    def fill(self, now_s: float) -> range:
        """The indexes, possibly none, that are given up at `now_s`: silence takes their place."""
        first = self.next_index
        self.next_index = max(first, int(now_s / FRAME_S) - MAX_LATE_FRAMES)
        return range(first, self.next_index)
