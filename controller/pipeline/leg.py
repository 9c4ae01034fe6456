"""One participant of a call: where their frames go in, where what they hear goes out, and the keys they press."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from controller.frames import Pcm
from controller.pipeline.controls import Control, Keys, Preferences
from controller.pipeline.orchestrator import Orchestrator
from controller.pipeline.playback import Outlet, Playback
from controller.voices.standing import Standing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LegFigures:
    """What a participant came to."""

    name: str
    language: str
    arrived: int
    filled: int
    lost: int
    """Frames from them: that came, that were filled in, that were dropped"""
    dropped: Mapping[str, int]
    """Those by reason"""
    echo_frames: int
    frames_out: int
    frames_out_dropped: int
    """Frames to them: made, and of these not taken by their channel"""

    bypassed_s: float
    """For so long they heard the original only, since no engine was left for what others said"""


class Leg:
    """One participant."""

    def __init__(
        self,
        name: str,
        orchestrator: Orchestrator,
        playback: Playback,
        outlet: Outlet,
        now: Callable[[], float],
        on_control: Callable[[Control], None] | None,
        on_fault: Callable[[], None],
    ) -> None:
        """
        Args:
            on_control: told what the participant asks for by keys; None where all keys are the others'.
            on_fault: called where a frame could not be taken in: no more of this leg's are.
        """
        self._now = now
        self._on_control = on_control
        self._on_fault = on_fault
        self._keys = Keys()
        self.name = name
        self.orchestrator = orchestrator
        self.playback = playback
        self.outlet = outlet
        self.frames_out = 0
        self.frames_out_dropped = 0
        self.bypassed = False
        """They hear the original only: no engine is left for what another says."""
        self.bypassed_s = 0.0
        self.standing: Standing | None = None
        """What was last told of whether they are the owner of their voice; None where they have none."""
        self.gone = False
        """They have left: their figures stay as they are."""
        self.taking_in = False
        """A frame came out of time and is not taken in yet: those that are pushed now came together with it."""
        self.task: asyncio.Task[None] | None = None

    @property
    def language(self) -> str:
        """What they speak and hear, as far as it is known."""
        return self.orchestrator.language

    def figures(self) -> LegFigures:
        """So far."""
        capture = self.orchestrator.capture
        return LegFigures(
            self.name,
            self.language,
            arrived=capture.arrived,
            filled=capture.filled,
            lost=capture.lost,
            dropped=dict(capture.dropped),
            echo_frames=capture.echo_frames,
            frames_out=self.frames_out,
            frames_out_dropped=self.frames_out_dropped,
            bypassed_s=self.bypassed_s,
        )

    def push(self, pcm: Pcm) -> None:
        """A frame of what this participant says came off the wire, int16[320]. Of one who has left it is nobody's."""
        if self.gone:
            return
        capture, now_s = self.orchestrator.capture, self._now()
        capture.push(pcm)
        if self.taking_in:
            return
        # At once rather than with the next tick, which would cost 10 ms on average; of a burst behind a gap only when
        # all that came together is here, for its oldest must go.
        self.taking_in = True
        if capture.clock.on_time(now_s):
            self._take_in(now_s)
        else:
            asyncio.get_running_loop().call_soon(self._take_in, now_s)

    def _take_in(self, now_s: float) -> None:
        if self.gone:
            return
        try:
            self.orchestrator.take_in(now_s)
        except Exception:  # as the ticker does: a fault ends this call, and no other
            log.exception("what %s said could not be taken in", self.name)
            self._on_fault()
        else:
            self.taking_in = False

    def reached(self, mark: str) -> None:
        """The outlet has played all that it was sent before `mark`."""
        self.playback.reached(mark, self._now())

    @property
    def preferences(self) -> Preferences:
        """How this participant wants to hear."""
        return self.playback.preferences

    def held(self, on: bool) -> None:
        """The participant has put the call on hold (`on`), or has taken it up again.

        What comes from a held line, music or voices, is passed on to the others but makes no clause. Translations due
        to the participant wait; those that are then still fresh are played when they are back.
        """
        self.orchestrator.capture.held = on
        self.playback.hold(on)

    def taken_over(self) -> None:
        """Somebody else stands here from now on: not on hold, with nothing chosen, and in no voice of their own."""
        self.orchestrator.taken_over = True
        self.playback.preferences = Preferences()
        self.held(False)

    def pressed(self, digit: str) -> str:
        """The participant pressed a key. Returns the digits that are due to the others: none, one, or an earlier one
        that waited to see what follows, and this."""
        if self._on_control is None:
            return digit
        control, rest = self._keys.press(digit, self._now())
        if control is not None:
            self._on_control(control)
        return rest
