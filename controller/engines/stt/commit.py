"""When a sentence may be committed while its speaker goes on, and where to cut the audio behind it.

For recognisers that decode a growing buffer again and again. Knows texts and samples; knows no engine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller.frames import FRAME_S, Pcm
from controller.text import fold, sentences

FOLLOWING_WORDS = 2
"""Words that must follow a sentence end: recognisers like to end what was cut off with a full stop."""

BEFORE_S = 0.6
AFTER_S = 0.3
"""How far around the recogniser's time the cut is looked for. Its times are late rather than early."""

QUIET_FRAMES = 4
"""80 ms: the shortest pause between two sentences that is looked for."""


def firm_prefix(previous: str, current: str) -> str | None:
    """The whole sentences at the start of a partial that will not change any more, or None.

    They are those after which `current` goes on, and whose words `previous`, the partial before, had already: what two
    decodings agree on stays (LocalAgreement-2, Liu et al. 2020, as used for Whisper by Macháček et al. 2023).
    """
    parts = sentences(current)
    before = fold(previous)
    for count in range(len(parts) - 1, 0, -1):
        text = " ".join(parts[:count])
        words = fold(text)
        if words and before[: len(words)] == words and len(fold(" ".join(parts[count:]))) >= FOLLOWING_WORDS:
            return text
    return None


def quietest(frames: Sequence[Pcm], around_s: float) -> int:
    """The frame at which to cut: the middle of the quietest QUIET_FRAMES near `around_s` seconds.

    Args:
        frames: int16[320] each, more than QUIET_FRAMES of them.
    """
    energy = np.array([float(np.mean(frame.astype(np.float32) ** 2)) for frame in frames])
    smooth = np.convolve(energy, np.ones(QUIET_FRAMES), mode="valid")
    first = max(0, min(round((around_s - BEFORE_S) / FRAME_S), len(smooth) - 1))
    last = max(first + 1, round((around_s + AFTER_S) / FRAME_S) - QUIET_FRAMES)
    return first + int(np.argmin(smooth[first:last])) + QUIET_FRAMES // 2
