"""How much sound the next chunk has: little at first, then as much as can be made before the last one is played out.

Every chunk costs the vocoder its context besides its own sound, so large ones are cheaper; but whoever hears nothing
waits for a chunk's end. Knows seconds only.
"""

from __future__ import annotations

from export.runtime.xtts.serving.settings import Serving

CARE = 0.8
"""Of the time until the sound runs out, so much is used."""

CONTEXT_S = 0.09
"""Seconds of sound that a window costs besides its own: 8.3 frames (`Window.work`)."""

SMOOTHING = 0.2
"""What the newest measurement counts."""


class Pace:
    """What a second of sound costs the vocoder, as measured."""

    def __init__(self) -> None:
        self.vocoding: float | None = None
        """Seconds for a second of sound; None before the first measurement."""

    def vocoded(self, sound_s: float, seconds: float) -> None:
        """A window of `sound_s`, context included, took so long."""
        cost = seconds / sound_s
        self.vocoding = cost if self.vocoding is None else self.vocoding + SMOOTHING * (cost - self.vocoding)


def wanted_s(serving: Serving, ahead_s: float, speaking: float, vocoding: float) -> float:
    """How much sound the chunk after one that was just sent is to have.

    Args:
        ahead_s: seconds until all that was sent is played out, if it is played as it comes. Below 0 it is by now: the
            further behind, the less does it help to send little, and the more does it cost.
        speaking: seconds that a second of sound takes to be spoken, as tokens.
        vocoding: seconds that it takes to be vocoded, the turns of others included.
    """
    cost = speaking + vocoding
    if ahead_s < 0.0:
        grown = serving.least_s - ahead_s
    elif cost > 0.0:
        grown = (CARE * ahead_s - vocoding * CONTEXT_S) / cost
    else:
        grown = serving.most_s
    return min(max(grown, serving.least_s), serving.most_s)
