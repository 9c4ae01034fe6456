"""From Whisper's tokens to text and words: time stamps, segments, and the cut at the end of the audio.

Knows token numbers and a function that turns them into text; knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

TICK_S = 0.02
"""Seconds a time stamp token counts."""

CUT_S = 0.35
"""A segment that ends this close to the audio's end, or later, is the last: what follows is Whisper repeating
itself in the silence behind it (word errors of 75 % without the cut, 4.5 % with it)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Text between two time stamps, in seconds from the start of the audio."""

    tokens: tuple[int, ...]
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was said, in seconds from the start of the audio."""

    word: str
    start_s: float
    end_s: float


def segments(ids: Sequence[int], *, duration_s: float, end_of_text: int, first_stamp: int) -> list[Segment]:
    """Split decoded tokens at their time stamps and drop what lies behind the end of the audio.

    Args:
        ids: what the decoder said, special tokens included.
        duration_s: how long the audio is, without the padding of its window.
        end_of_text: text tokens are below it.
        first_stamp: the token of 0.00 s, computed by the caller: not every tokenizer lists the stamps.
    """
    found: list[Segment] = []
    start, text = 0.0, list[int]()

    def close(end_s: float) -> None:
        end = min(max(end_s, start), duration_s)
        found.append(Segment(tuple(text), min(start, duration_s), end))
        text.clear()

    for token in ids:
        if token >= first_stamp:
            at = (token - first_stamp) * TICK_S
            if text:
                close(at)
            if found and at >= duration_s - CUT_S:
                return found
            start = at
        elif token < end_of_text:
            text.append(token)
    if text:
        close(duration_s)
    return found


def words(found: Sequence[Segment], decode: Callable[[list[int]], str]) -> list[Word]:
    """The words of the segments.

    Only the segments are timed by the model: within one, words share its time by their number of characters. The
    model's segment ends are late by half a second as a rule: take the end of speech from a voice activity detector.
    """
    timed: list[Word] = []
    for segment in found:
        parts = decode(list(segment.tokens)).split()
        total = sum(len(part) + 1 for part in parts)
        seconds = (segment.end_s - segment.start_s) / total if total else 0.0
        at = segment.start_s
        for part in parts:
            end = at + (len(part) + 1) * seconds
            timed.append(Word(part, round(at, 3), round(end, 3)))
            at = end
    return timed


def text(found: Sequence[Segment], decode: Callable[[list[int]], str]) -> str:
    """What was said, in one line."""
    return " ".join(decode([token for segment in found for token in segment.tokens]).split())
