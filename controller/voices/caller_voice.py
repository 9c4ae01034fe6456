"""The voice that a participant of a call is spoken with in other languages: their own, once it is known to be theirs.

Asked once a clause, it answers at once from what is known then: where a voice was revoked, replaced or deleted, it is a
neutral one from the next clause on. It keeps a profile's name, never its numbers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from controller.engines.embed import VoiceEncoders
from controller.engines.tts.timbre import Timbre
from controller.messages import VoiceEvent
from controller.triton.contracts import Latents
from controller.voices.claim import Claim
from controller.voices.library import Library
from controller.voices.live_style import LiveStyle
from controller.voices.profile import Profile
from controller.voices.standing import Standing, State
from controller.voices.turn import Turn, Turns

log = logging.getLogger(__name__)


class CallerVoice:
    """Of one participant of one call, who says to be a profile's owner."""

    def __init__(
        self, library: Library, name: str, encoders: VoiceEncoders, verified: Mapping[str, float] | None = None
    ) -> None:
        """
        Args:
            name: the profile's, as `Library.whose` found it.
            verified: see `likeness.thresholds`.
        """
        self.name = name
        self._turns = Turns()
        self._claim = Claim(library, name, encoders, verified)
        self._style = LiveStyle(encoders)

    @property
    def standing(self) -> Standing:
        """What is known of the claim at this moment: its state, a word for a metric and a sentence for a log."""
        return self._claim.standing

    def timbre(self) -> Timbre | None:
        """What to speak the next clause with, or the rest of a broken one; None is the neutral voice.

        Ask again for every clause, and keep nothing of the last answer. Waits for nothing: a profile that is not in
        memory begins to be fetched, and None is the answer until it is.
        """
        profile = self._claim.profile
        return None if profile is None else _timbre(profile, self._style.pick(profile))

    def push(self, event: VoiceEvent) -> None:
        """What their recogniser is fed, in the same order: turns are put together of it. Instead of `hear`."""
        try:
            if (turn := self._turns.push(event)) is not None:
                self.hear(turn)
        except Exception:  # the boundary between a voice and the tick that feeds it: the call goes on
            log.exception("the voice %s hears no more", self.name)
            self._turns = Turns()

    def hear(self, turn: Turn) -> None:
        """They finished a turn. Waits for nothing: the encoders are asked in tasks."""
        self._claim.hear(turn)
        if self.standing.state is not State.REFUSED:  # by another's profile, or a revoked one, nothing of them is told
            self._style.hear(turn)

    async def close(self) -> None:
        """The call is over: nothing of what was said is kept, and what comes now is not heard."""
        self._turns = Turns()
        await asyncio.gather(self._claim.close(), self._style.close())


def _timbre(profile: Profile, clip: int | None) -> Timbre:
    """Of one clip, or of the mean of all; the speaker is always the mean of all."""
    key = f"{profile.name}@{profile.version}"
    if clip is None:
        return Timbre(profile.latents, f"{key}/mean")
    return Timbre(Latents(profile.clips[clip].latents.gpt_conditioning, profile.speaker), f"{key}/{clip + 1}")
