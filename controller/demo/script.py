"""What the two phones of a demo say: recorded human prompts in turns, or the user's own recordings."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from controller.audio.levels import dbfs
from controller.errors import StackError
from controller.frames import Pcm
from controller.stack.wav import PHONE_RATE, read_wav

ENGLISH = ("number-not-answering", "privacy-prompt", "check-number-dial-again", "all-circuits-busy-now",
           "conf-waitforleader")  # fmt: skip
SPANISH = ("vm-enter-num-to-call", "privacy-incorrect", "please-try-again", "queue-periodic-announce",
           "confbridge-only-one")  # fmt: skip
"""Whole sentences of the Asterisk core sounds (CC BY-SA 3.0, recorded by Allison Smith), in an order that talks."""

_FOLDERS = {"en": ("en_US_f_Allison", "en"), "es": ("es_MX_f_Allison", "es")}
_LINE = re.compile(r"^([\w./-]+):\s+(.*\S)\s*$")

LEAD_S = 1.2
"""Silence before the first word, while the call is being bridged."""

TAIL_S = 6.0
"""Silence after the last word, longer than any translation still to come (a recording's end hangs up)."""

ANSWER_FACTOR = 1.5
ANSWER_S = 1.8
"""A turn waits ANSWER_S + ANSWER_FACTOR x the length of what was just said: its lag and its translation."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing said in a recording."""

    text: str | None
    """None where it is not known."""

    start_s: float
    end_s: float
    """Of the voice itself, in the recording's own time."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one phone says in the whole call."""

    pcm: Pcm
    """8 kHz"""

    said: tuple[Said, ...]


def prompts(folder: Path, language: str, names: Sequence[str]) -> list[tuple[str, Pcm]]:
    """Text and audio (8 kHz) of recorded prompts.

    Args:
        folder: where set-up unpacked the prompts (`Cache.prompts`).
        language: `en` or `es`.
    Raises:
        StackError: they are not there, or one of `names` is not among them.
    """
    known = texts(folder, language)
    missing = [name for name in names if name not in known]
    if missing:
        raise StackError(f"There are no recorded prompts named {', '.join(missing)} in {language}.")
    return [(known[name], read_wav(recording(folder, language, name))) for name in names]


def texts(folder: Path, language: str) -> dict[str, str]:
    """What every recorded prompt says, by its name.

    Raises:
        StackError: they are not there.
    """
    short = _FOLDERS[language][1]
    document = folder / f"usr/share/doc/asterisk-core-sounds-{short}/core-sounds-{short}.txt.gz"
    try:
        lines = gzip.decompress(document.read_bytes()).decode("utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise StackError("The recorded prompts are not there. Run `make setup` to get them.") from error
    return {match[1]: match[2] for line in lines if (match := _LINE.match(line))}


def recording(folder: Path, language: str, name: str) -> Path:
    """Where the prompt `name` lies; a few that have a text have no recording."""
    return folder / "usr/share/asterisk/sounds" / _FOLDERS[language][0] / f"{name}.wav"


def voiced_span(pcm: Pcm, rate: int = PHONE_RATE) -> tuple[float, float]:
    """Start and end of the voice in a recording, in seconds: the first and last 10 ms within 35 dB of the loudest."""
    step = rate // 100
    levels = np.array([dbfs(pcm[start : start + step]) for start in range(0, len(pcm), step)])
    loud = np.flatnonzero(levels > levels.max() - 35) if len(levels) else np.array([], int)
    if not len(loud):
        return 0.0, 0.0
    return float(loud[0]) * 0.01, min(float(loud[-1] + 1) * 0.01, len(pcm) / rate)


def turns(first: list[tuple[str, Pcm]], second: list[tuple[str, Pcm]]) -> tuple[Part, Part]:
    """Two parts that take turns, each waiting until the other's translation should be over."""
    at = LEAD_S
    placed: tuple[list[tuple[float, str, Pcm]], list[tuple[float, str, Pcm]]] = ([], [])
    for pair in zip(first, second, strict=True):
        for part, (text, pcm) in zip(placed, pair, strict=True):
            part.append((at, text, pcm))
            at += len(pcm) / PHONE_RATE * (1 + ANSWER_FACTOR) + ANSWER_S
    return _part(placed[0], at + TAIL_S), _part(placed[1], at + TAIL_S)


def own_recording(path: Path) -> Part:
    """The user's own recording, with silence before and after; what it says is not known.

    Raises:
        AudioFileError: it cannot be used.
    """
    pcm = read_wav(path)
    start, end = voiced_span(pcm)
    part = _part([(LEAD_S, "", pcm)], LEAD_S + len(pcm) / PHONE_RATE + 2 * TAIL_S)
    return Part(part.pcm, (Said(None, LEAD_S + start, LEAD_S + end),))


def as_long_as(part: Part, other: Part) -> Part:
    """`part` with silence at its end, so that neither phone hangs up on the other."""
    missing = max(0, len(other.pcm) - len(part.pcm))
    return Part(np.pad(part.pcm, (0, missing)), part.said)


def _part(placed: list[tuple[float, str, Pcm]], seconds: float) -> Part:
    track = np.zeros(round(seconds * PHONE_RATE), np.int16)
    said = []
    for at, text, pcm in placed:
        begin = round(at * PHONE_RATE)
        track[begin : begin + len(pcm)] = pcm
        start, end = voiced_span(pcm)
        said.append(Said(text, at + start, at + end))
    return Part(track, tuple(said))
