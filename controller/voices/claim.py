"""Whether who speaks on a call is who the call says: their own speech, compared with their profile, beside the call.

Until that is known, and where it is not so, nobody's voice is cloned. Nothing here waits but a task of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from enum import Enum
from typing import Final

import numpy as np

from controller.engines.embed import VoiceEncoders
from controller.errors import DragomanError
from controller.frames import SAMPLE_RATE, Pcm
from controller.voices.calibration import probe
from controller.voices.library import Library
from controller.voices.likeness import cosine, thresholds
from controller.voices.profile import Profile
from controller.voices.quality import Take

log = logging.getLogger(__name__)

ENOUGH_S: Final = 3.0
"""So much of what they said is looked at, at a time: the encoders' own thresholds were measured on clips of 3 s."""

TRIES: Final = 3
"""So often, until they are refused: one clip in a hundred of the same person is unlike the others."""


class State(Enum):
    """What is known of who speaks."""

    UNKNOWN = "unknown"
    VERIFIED = "verified"
    REFUSED = "refused"


class Claim:
    """Of one participant of one call, on one profile."""

    def __init__(
        self, library: Library, name: str, encoders: VoiceEncoders, verified: Mapping[str, float] | None = None
    ) -> None:
        """`verified`: see `likeness.thresholds`."""
        self.state = State.UNKNOWN
        self.why = "too little was heard of them"
        """Why the voice is not theirs yet, or not at all."""
        self._library, self._name = library, name
        self._encoders, self._verified = encoders, verified
        self._heard: list[Pcm] = []
        self._samples = 0
        self._tries = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def profile(self) -> Profile | None:
        """The voice to speak with now; None while they are not verified, and as soon as it must not be used."""
        return self._library.held(self._name) if self.state is State.VERIFIED else None

    def hear(self, pcm: Pcm) -> None:
        """They said this, int16[n] of net speech at the controller's rate. What comes while a try runs is left out."""
        if self.state is not State.UNKNOWN or self._task is not None:
            return
        self._heard.append(pcm)
        self._samples += len(pcm)
        if self._samples < ENOUGH_S * SAMPLE_RATE:
            return
        speech = np.concatenate(self._heard)[: int(2 * ENOUGH_S * SAMPLE_RATE)]
        self._heard, self._samples = [], 0
        self._task = asyncio.create_task(self._try(speech), name=f"verifying {self._name}")

    async def close(self) -> None:
        """The call is over: nothing of what was said is kept."""
        self._heard = []
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _try(self, speech: Pcm) -> None:
        self._tries += 1
        try:
            self.state, self.why = await self._judge(speech)
        except DragomanError as error:
            self.why = str(error)
        except Exception as error:  # the boundary between a voice and its call, which goes on in another
            log.exception("verifying %s failed", self._name)
            self.why = str(error)
        finally:
            self._task = None
        if self.state is State.UNKNOWN and self._tries >= TRIES:
            self.state = State.REFUSED

    async def _judge(self, speech: Pcm) -> tuple[State, str]:
        profile = await self._library.load(self._name)
        if profile.encoders is None or profile.usable is not None:
            return State.REFUSED, profile.usable or "nothing was recorded of the voice"
        heard = await probe(Take("the call", speech, SAMPLE_RATE), self._encoders)
        if heard.encoder != profile.encoders.identity:
            return State.REFUSED, f"the voice was made by {profile.encoders.identity.id}, not by {heard.encoder.id}"
        wide = heard.band == "wideband" and any(one.quality.band == "wideband" for one in profile.clips)
        row = 0 if wide else 1
        limit = thresholds(heard.encoder, "wideband" if wide else "telephone", self._verified).verified
        alike = cosine(heard.identity[row], profile.identity[row])
        if alike >= limit:
            return State.VERIFIED, ""
        return State.UNKNOWN, f"they sound {alike:.2f} like it, and {limit:.2f} is the least"
