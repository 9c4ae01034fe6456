"""Where on a listener's time axis a packet is heard: a phone's jitter buffer, in numbers only."""

from __future__ import annotations

from tests.fakes.sip_phone.voice import FRAME

EARLY_MOST = 10 * FRAME
"""A packet that would wait longer than 200 ms begins anew."""


class Playout:
    """Contiguous by RTP's time stamps; later when packets come later than a frame, back again in silence."""

    def __init__(self) -> None:
        self.too_late = 0
        """Packets that were overtaken and came when their place had been played."""
        self._newest: int | None = None
        """The latest time stamp, not wrapped at 32 bits."""
        self._anchor = 0

    def place(self, stamp: int, arrival: int, *, silent: bool) -> int | None:
        """The sample at which a packet is heard; None: it came too late.

        Args:
            stamp: its time stamp, in samples.
            arrival: the sample at which it arrived.
            silent: whether there is nothing to be heard in it.
        """
        if self._newest is None:
            self._newest, self._anchor = stamp, arrival - stamp
        ahead = (stamp - self._newest + 0x80000000) % 0x100000000 - 0x80000000
        stamp = self._newest + ahead
        late = arrival - (self._anchor + stamp)
        if ahead < 0 and late > FRAME:
            self.too_late += 1
            return None
        if ahead > 0:
            self._newest = stamp
            if late > FRAME or -late > EARLY_MOST or (silent and -late > FRAME):
                self._anchor = arrival - stamp
        return self._anchor + stamp
