"""When a sentence may be committed while its speaker goes on, and where to cut the audio behind it.

For recognisers that decode a growing buffer again and again. Knows texts and samples; knows no engine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller.audio.levels import dbfs
from controller.frames import FRAME_S, Pcm
from controller.text import fold, sentences

FOLLOWING_WORDS = 2
"""Words that must follow a sentence end: recognisers like to end what was cut off with a full stop."""

BEFORE_S = 1.0
AFTER_S = 0.3
"""How far around the recogniser's time a pause is looked for. Its times are late rather than early."""

QUIET_DB = 24.0
QUIET_FRAMES = 6
"""A pause between two sentences: 120 ms so far below the loudest frame. Shorter ones are within words."""

LONG_S = 4.0
"""Beyond so much that was said without a commit, a comma at a pause is as good as a full stop: who waits for the end
hears it all late. (Forty prompts played through 1.2 s apart: backlog p95 en -> es 4.6 -> 4.0 s, as many words wrong
as before; with commas without a pause too, es 26 -> 30 % wrong.)"""

_COMMA = re.compile(r"(?:(?<=[,;:…])|(?<=[,;:…][\"'»”)]))\s+")


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause over which the speaker went on, and what was heard until then."""

    text: str
    frame: int
    """The middle of it: where to cut."""


def firm_prefix(previous: str, current: str, *, long: bool = False) -> str | None:
    """The whole sentences at the start of a partial that will not change any more, or None.

    They are those after which `current` goes on, and whose words `previous`, the partial before, had already: what two
    decodings agree on stays (LocalAgreement-2, Liu et al. 2020, as used for Whisper by Macháček et al. 2023).

    Args:
        long: so much was said since the last commit that a comma is as good as a full stop.
    """
    parts = sentences(current)
    if long:
        parts = [part for sentence in parts for part in _COMMA.split(sentence)]
    before = fold(previous)
    for count in range(len(parts) - 1, 0, -1):
        text = " ".join(parts[:count])
        words = fold(text)
        if words and before[: len(words)] == words and len(fold(" ".join(parts[count:]))) >= FOLLOWING_WORDS:
            return text
    return None


def firm_at_pause(pauses: Sequence[Pause], current: str, *, long: bool = False) -> tuple[str, int] | None:
    """The whole sentences that were heard until a pause and are heard again in the same words, and that pause.

    The answer at the pause is one of the two decodings that agree: no second partial need be waited for.

    Args:
        long: as in `firm_prefix`.
    """
    for pause in reversed(pauses):
        text = firm_prefix(pause.text, current, long=long)
        if text and fold(text) == fold(pause.text):
            return text, pause.frame
    return None


def cut_behind(text: str, pauses: Sequence[Pause], frames: Sequence[Pcm], around_s: float) -> int | None:
    """The frame at which to cut behind `text`: at the pause until which as many words and the same last one were heard;
    else in the longest stretch of quiet near `around_s` seconds. None where there is none: elsewhere it is in a word.

    Args:
        frames: int16[320] each, all that was heard.
    """
    words = fold(text)
    for pause in pauses:
        heard = fold(pause.text)
        if abs(len(heard) - len(words)) <= 1 and heard[-1:] == words[-1:]:
            return pause.frame
    levels = np.array([dbfs(frame) for frame in frames])
    quiet = levels < levels.max() - QUIET_DB
    first = max(0, round((around_s - BEFORE_S) / FRAME_S))
    longest, cut, run = QUIET_FRAMES - 1, None, 0
    for at in range(first, min(len(quiet), round((around_s + AFTER_S) / FRAME_S))):
        run = run + 1 if quiet[at] else 0
        if run > longest:
            longest, cut = run, at + 1 - run // 2
    return cut
