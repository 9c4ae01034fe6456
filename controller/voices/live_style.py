"""Which calibration clip somebody speaks most like at this moment: both sides relative to their own neutral mean.

The clip changes only where another is clearly nearer, so that a voice does not flicker between two that are alike.
Knows vectors; knows no call and no model.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from controller.triton.contracts import Latents
from controller.voices.profile import STYLE_WIDTH, Band, Profile, Vectors

TURNS: Final = 3
"""So many of the latest turns count, each as much as any other."""

MARGIN: Final = 0.15
"""Another clip is taken only where it is nearer by this share of the present one's distance."""


class LiveStyle:
    """Of one speaker of one call, by one version of their profile."""

    def __init__(self, profile: Profile, turns: int = TURNS, margin: float = MARGIN) -> None:
        """
        Args:
            profile: one that may be used; it has clips.
            turns: how many of the latest turns count.
            margin: the share by which another clip must be nearer.
        """
        styles: Vectors = np.stack([one.style for one in profile.clips])
        self._clips = styles - profile.style
        self._neutral = profile.style
        self._latents = [Latents(one.latents.gpt_conditioning, profile.speaker) for one in profile.clips]
        self._mean = profile.latents
        self._turns: deque[NDArray[np.float32]] = deque(maxlen=turns)
        self._margin = margin
        self.picked: int | None = None
        """The clip's number; None before the first turn: then the mean of all of them speaks."""

    @property
    def latents(self) -> Latents:
        """What to speak the next clause with: the picked clip's latents, the speaker vector always the clips' mean."""
        return self._mean if self.picked is None else self._latents[self.picked]

    def heard(self, style: NDArray[np.float32], band: Band) -> None:
        """They spoke a turn like this, float32[64], heard in `band`."""
        if style.shape != (STYLE_WIDTH,) or not np.isfinite(style).all():
            return
        row = 0 if band == "wideband" else 1
        self._turns.append((style - self._neutral[row]).astype(np.float32))
        now = np.stack(self._turns).mean(axis=0)
        away = np.linalg.norm(self._clips[:, row] - now, axis=1)
        nearest = int(np.argmin(away))
        if self.picked is None or away[nearest] < (1 - self._margin) * away[self.picked]:
            self.picked = nearest
