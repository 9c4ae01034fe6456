"""Where the markers and the prompts of a speaker's file passed: on the call's clock, and in the listener's recording.

Knows files, frames and recordings; knows no clause.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import soxr

from controller.errors import StackError
from controller.frames import FRAME_S, SAMPLE_RATE, Pcm
from controller.stack.wav import PHONE_RATE
from loadtest.call.plan import MARKER, Line, Track
from loadtest.call.signals import find
from loadtest.call.wire import Wire

CLEAR: Final = 0.9
"""Correlation of a prompt that nothing covers."""

NEAR_S: Final = 0.35
"""How far from where the last sound passed the next one is looked for: the path's delay moves by single frames."""

TAIL_S: Final = 1.0
"""A prompt is found by the end of its voice: that is what counts."""

MOVED_S: Final = 0.012
"""A path whose delay changed by more than this has moved."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A moment of a speaker's file."""

    file_s: float
    arrived_s: float
    """On the call's clock."""

    heard_s: float | None
    """In the listener's time; None where a translation covered it."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """One speaker and one listener."""

    first: Passage
    last: Passage
    ends: tuple[Passage, ...]
    """The true end of each line of the speaker's track."""

    def heard_s(self, number: int) -> float:
        """When the listener heard the true end of line `number`: found, or by the last sound before that was."""
        end = self.ends[number]
        if end.heard_s is not None:
            return end.heard_s
        known = [self.first, *self.ends[:number]]
        before = next(one for one in reversed(known) if one.heard_s is not None)
        assert before.heard_s is not None
        return end.arrived_s + before.heard_s - before.arrived_s

    @property
    def path_ms(self) -> list[float]:
        """Of every sound that was found: from its arrival to the listener's hearing it, and a constant."""
        found = [self.first, *self.ends, self.last]
        return [(one.heard_s - one.arrived_s) * 1000 for one in found if one.heard_s is not None]

    @property
    def moves(self) -> int:
        """How often the path's delay changed from one sound to the next."""
        path = self.path_ms
        return sum(abs(b - a) > MOVED_S * 1000 for a, b in itertools.pairwise(path))


def align(track: Track, arrived: tuple[Pcm, int], heard: Pcm, wire: Wire) -> Alignment:
    """Find a speaker's markers and prompts.

    Args:
        arrived: what came to the controller (`Taken.arrived`).
        heard: the listener's recording, 8 kHz.
    Raises:
        StackError: a marker did not pass, so that nothing can be measured.
    """
    frames, first_index = arrived
    narrow = soxr.resample(frames, SAMPLE_RATE, PHONE_RATE, quality="HQ")

    def passed(file_s: float, sound: Pcm, after: Passage | None, good: float) -> Passage | None:
        # Until the first marker is found, nothing is known of when the file began.
        at = None if after is None else after.arrived_s - first_index * FRAME_S + file_s - after.file_s
        index = _look(sound, narrow, at, good)
        if index is None:
            return None
        arrived_s = index / PHONE_RATE + first_index * FRAME_S
        at = None if after is None or after.heard_s is None else after.heard_s + file_s - after.file_s
        # The recording may lack what was never sent, so its own time may be less than what was heard.
        sample = _look(sound, heard, None if at is None else at - wire.paused_s(at), good)
        return Passage(file_s, arrived_s, None if sample is None else wire.heard_s(sample))

    first = passed(track.markers_s[0], MARKER, None, 0.6)
    if first is None or first.heard_s is None:
        raise StackError("The marker at the beginning of a call did not pass: nothing can be measured.")
    known, ends = first, []
    for line in track.lines:
        sound, lead_s = _tail(line)
        one = passed(line.end_s - lead_s, sound, known, CLEAR)
        if one is None:  # it did not arrive as it was said: frames were lost
            one = Passage(line.end_s, known.arrived_s + line.end_s - known.file_s, None)
        else:
            one = Passage(line.end_s, one.arrived_s + lead_s, None if one.heard_s is None else one.heard_s + lead_s)
        ends.append(one)
        known = one if one.heard_s is not None else known  # else the path is taken to be as it was
    last = passed(track.markers_s[1], MARKER, known, 0.6)
    if last is None or last.heard_s is None:
        raise StackError("The marker at the end of a call did not pass: the call was cut short, or its clock slipped.")
    return Alignment(first, last, tuple(ends))


def _look(sound: Pcm, recording: Pcm, at_s: float | None, good: float) -> int | None:
    """The sample at which `sound` begins, near `at_s` or within the first twenty seconds."""
    begin, end = (0.0, 20.0) if at_s is None else (at_s - NEAR_S, at_s + NEAR_S)
    found = find(sound, recording, round(begin * PHONE_RATE), round(end * PHONE_RATE), good=good)
    return None if found is None else found.position


def _tail(line: Line) -> tuple[Pcm, float]:
    """The last second of a prompt's voice, and how long before the true end it begins."""
    end = round(line.prompt.end_s * PHONE_RATE)
    begin = max(0, round(max(line.prompt.start_s, line.prompt.end_s - TAIL_S) * PHONE_RATE))
    return line.prompt.pcm[begin:end], (end - begin) / PHONE_RATE
