"""Where on the call's clock lies what was sent over a connection. Deepgram counts the audio that it got, and only that.

Silence between utterances is not sent, what was sent once is not sent again, and a new connection begins at 0.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from controller.frames import FRAME_S


class Timeline:
    """Of one connection."""

    def __init__(self) -> None:
        self._begins: list[int] = []
        """Of each run without a gap: how many frames had been sent before."""
        self._indexes: list[int] = []
        """Of each run: its first frame on the call's clock."""
        self._still: list[bool] = []
        """Of each run: it was silence of ours, during which the call's clock stands still."""
        self._sent = 0

    @property
    def sent_s(self) -> float:
        """Audio that was sent, in seconds."""
        return self._sent * FRAME_S

    def frame(self, index: int) -> None:
        """The call's frame `index` was sent."""
        if not self._begins or self._still[-1] or self._indexes[-1] + self._sent - self._begins[-1] != index:
            self._begin(index, still=False)
        self._sent += 1

    def silence(self, frames: int) -> None:
        """Frames were sent that are none of the call's."""
        if not self._begins or not self._still[-1]:
            self._begin(self._next(), still=True)
        self._sent += frames

    def on_call_s(self, sent_s: float, *, ends: bool = False) -> float:
        """The moment on the call's clock, in seconds, of `sent_s` on the connection's.

        Args:
            ends: something ends there. Where two runs meet it is the end of the first, else the start of the second.
        """
        if not self._begins:
            return 0.0
        at = sent_s / FRAME_S
        if abs(at - round(at)) < 1e-3:
            at = float(round(at))
        find = bisect_left if ends else bisect_right
        run = max(0, find(self._begins, at) - 1)
        until = self._begins[run + 1] if run + 1 < len(self._begins) else self._sent
        along = 0.0 if self._still[run] else min(max(0.0, at - self._begins[run]), until - self._begins[run])
        return (self._indexes[run] + along) * FRAME_S

    def _next(self) -> int:
        """The frame on the call's clock behind all that was sent."""
        if not self._begins:
            return 0
        return self._indexes[-1] + (0 if self._still[-1] else self._sent - self._begins[-1])

    def _begin(self, index: int, *, still: bool) -> None:
        self._begins.append(self._sent)
        self._indexes.append(index)
        self._still.append(still)
