"""What the phones of each call say, and when: turns, continuous speech, markers before and after.

Knows prompts and samples; knows no phone. All `_s` here are seconds in a phone's own file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from controller.frames import Pcm
from controller.stack.wav import PHONE_RATE
from loadtest.call.prompts import Prompt
from loadtest.call.signals import chirp

MARKER: Final = chirp(0.08, 300, 3000, 500, PHONE_RATE)
"""Too soft and too short to be taken for speech; 35 dB above what G.711 adds."""

MARKERS_S: Final = {"a": 2.0, "b": 2.4}
"""When the call is bridged, and one after the other: only its own speaker's passes to the listener."""

FIRST_S: Final = 3.0
"""When the first word may be said."""

AFTER_S: Final = 2.0
"""Silence before and after the markers at the end."""

GAP_S: Final = 1.2
"""Between the voices of two prompts in continuous speech."""

BACKLOG_S: Final = 22.0
"""After continuous speech, until everything has been heard."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long those who take turns wait after a prompt: until its translation should be over."""

    seconds: float
    factor: dict[str, float]
    """By the language of the prompt: how much longer its translation is."""


OFFLINE_PACE: Final = Pace(1.3, {"en": 1.1, "es": 0.9})
SCRIPTED_PACE: Final = Pace(2.2, {"en": 0.0, "es": 0.0})
"""For a clip of fixed length."""


@dataclass(frozen=True, slots=True)
class Line:
    """One prompt in a phone's file."""

    prompt: Prompt
    at_s: float
    """Where the recording begins."""

    counts: bool = True
    """False for the first of a call, whose translation carries the marker."""

    @property
    def start_s(self) -> float:
        return self.at_s + self.prompt.start_s

    @property
    def end_s(self) -> float:
        """The true end of its voice."""
        return self.at_s + self.prompt.end_s


@dataclass(frozen=True, slots=True)
class Track:
    """What one phone says in a call."""

    language: str
    pcm: Pcm
    """8 kHz"""

    lines: tuple[Line, ...]
    markers_s: tuple[float, float]
    """Where the first and the last marker begin."""


@dataclass(frozen=True, slots=True)
class CallPlan:
    """One call between the phones `a` and `b`."""

    name: str
    part: str
    tracks: dict[str, Track]

    @property
    def seconds(self) -> float:
        return max(len(track.pcm) for track in self.tracks.values()) / PHONE_RATE

    @property
    def speakers(self) -> list[str]:
        """Those who say something."""
        return [leg for leg, track in self.tracks.items() if track.lines]


def turns(
    name: str, part: str, first: Mapping[str, Prompt], said: Mapping[str, Sequence[Prompt]], pace: Pace
) -> CallPlan:
    """Both sides say one prompt after the other in turns.

    Args:
        first: what each side says before, so that its translation can carry the marker.
        said: by leg, equally many a side.
    """
    at = FIRST_S
    lines: dict[str, list[Line]] = {leg: [] for leg in said}
    for number, each in enumerate(zip(*([first[leg], *said[leg]] for leg in said), strict=True)):
        for leg, prompt in zip(said, each, strict=True):
            lines[leg].append(Line(prompt, at, counts=number > 0))
            seconds = len(prompt.pcm) / PHONE_RATE
            # The first one's real length does not matter to the pace; its marker makes it a little longer.
            at += seconds * (1 + pace.factor[prompt.language]) + pace.seconds + (number == 0)
    languages = {leg: prompt.language for leg, prompt in first.items()}
    return _plan(name, part, languages, lines, at + AFTER_S)


def continuous(name: str, speaker: str, languages: dict[str, str], first: Prompt, said: Sequence[Prompt]) -> CallPlan:
    """One side goes on and on, the other listens."""
    lines = [Line(first, FIRST_S, counts=False)]
    # The translation with the marker is over before the rest begins.
    begin = FIRST_S + 2.5 * len(first.pcm) / PHONE_RATE + 2.0
    for prompt in said:
        line = Line(prompt, begin - prompt.start_s)
        lines.append(line)
        begin = line.end_s + GAP_S
    return _plan(name, "continuous", languages, {speaker: lines}, lines[-1].end_s + BACKLOG_S)


def _plan(name: str, part: str, languages: dict[str, str], lines: Mapping[str, list[Line]], end_s: float) -> CallPlan:
    length = round((end_s + AFTER_S + max(MARKERS_S.values())) * PHONE_RATE)
    tracks = {}
    for leg, language in sorted(languages.items()):
        pcm = np.zeros(length, np.int16)
        markers = MARKERS_S[leg], end_s + MARKERS_S[leg] - min(MARKERS_S.values())
        for line in lines.get(leg, []):
            _lay(pcm, line.prompt.pcm, line.at_s)
        for marker_s in markers:
            _lay(pcm, MARKER, marker_s)
        tracks[leg] = Track(language, pcm, tuple(lines.get(leg, [])), markers)
    return CallPlan(name, part, tracks)


def _lay(track: Pcm, sound: Pcm, at_s: float) -> None:
    begin = round(at_s * PHONE_RATE)
    track[begin : begin + len(sound)] = sound
