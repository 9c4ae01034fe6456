"""Deepgram's messages read: total functions, for whatever comes. The SDK checks nothing, and the unknown is None.

Times are the connection's own: seconds of audio that it got.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

MOST_S: Final = 1e6
"""No stream is so long."""


@dataclass(frozen=True, slots=True)
class Said:
    """A word as it is to be shown, with its punctuation."""

    text: str
    start_s: float
    end_s: float
    language: str = ""
    """Empty where Deepgram was told, or does not say."""


class End(Enum):
    """What a final says about what follows."""

    NONE = auto()
    """The speaker may be in mid-sentence."""

    SPEECH = auto()
    """They have paused, as Deepgram hears it."""

    ASKED = auto()
    """It was asked to finish, and this is what it had."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What it hears in a stretch of audio."""

    start_s: float
    end_s: float
    words: tuple[Said, ...]
    final: bool
    """It will not change any more."""

    end: End = End.NONE
    eager: bool = False
    """It will be final if the speaker does not go on."""


@dataclass(frozen=True, slots=True)
class Broken:
    """It will tell nothing more over this connection."""

    why: str


Reader = Callable[[object], Heard | Broken | None]
"""Reads a message; None where there is nothing in it for us."""


def read_nova(message: object) -> Heard | Broken | None:
    """A message of /v1/listen."""
    kind = getattr(message, "type", None)
    if kind == "UtteranceEnd":
        last_s = _seconds(getattr(message, "last_word_end", None))
        # -1 says that there was no word. All words before have been told; of the audio behind them it says nothing.
        return Heard(last_s, last_s, (), final=True, end=End.SPEECH) if last_s > 0 else None
    if kind != "Results":
        return None
    start_s = _seconds(getattr(message, "start", None))
    end_s = start_s + _seconds(getattr(message, "duration", None))
    found = next(_items(getattr(getattr(message, "channel", None), "alternatives", None)), None)
    final = getattr(message, "is_final", None) is True
    end = End.NONE
    if final and getattr(message, "from_finalize", None) is True:
        end = End.ASKED
    elif final and getattr(message, "speech_final", None) is True:
        end = End.SPEECH
    words = _words(getattr(found, "transcript", None), getattr(found, "words", None), start_s, end_s)
    return Heard(start_s, end_s, words, final=final, end=end)


def read_flux(message: object) -> Heard | Broken | None:
    """A message of /v2/listen."""
    kind = getattr(message, "type", None)
    if kind == "Error":
        code, description = getattr(message, "code", None), getattr(message, "description", None)
        return Broken(" ".join(str(one) for one in (code, description) if one) or "an error without a description")
    if kind != "TurnInfo":
        return None
    event = getattr(message, "event", None)
    start_s = _seconds(getattr(message, "audio_window_start", None))
    end_s = max(start_s, _seconds(getattr(message, "audio_window_end", None)))
    spoken = next((one for one in _items(getattr(message, "languages", None)) if isinstance(one, str)), "")
    words = _words(getattr(message, "transcript", None), getattr(message, "words", None), start_s, end_s, spoken)
    final = event == "EndOfTurn"
    asked = getattr(message, "trigger", None) == "manual"
    end = (End.ASKED if asked else End.SPEECH) if final else End.NONE
    return Heard(start_s, end_s, words, final=final, end=end, eager=event == "EagerEndOfTurn")


def _words(text: object, found: object, start_s: float, end_s: float, language: str = "") -> tuple[Said, ...]:
    """The words of `text`, with the times that Deepgram gives them, or by the share of their letters in the stretch."""
    shown = text.split() if isinstance(text, str) else []
    known = list(_items(found))
    if len(known) != len(shown):
        if any(_time(one) for one in known):  # formatting has made fewer words of several: each has its time
            shown = [_shown(one) for one in known]
        else:
            known = [None] * len(shown)
    made: list[Said] = []
    letters = sum(map(len, shown)) or 1
    before = 0
    for word, one in zip(shown, known, strict=True):
        time = _time(one) or (
            start_s + (end_s - start_s) * before / letters,
            start_s + (end_s - start_s) * (before + len(word)) / letters,
        )
        before += len(word)
        spoken = getattr(one, "language", None)
        if word:
            made.append(Said(word, *time, spoken if isinstance(spoken, str) else language))
    return tuple(made)


def _shown(word: object) -> str:
    for name in ("punctuated_word", "word"):
        text = getattr(word, name, None)
        if isinstance(text, str) and text.strip():
            return "".join(text.split())
    return ""


def _time(word: object) -> tuple[float, float] | None:
    start, end = getattr(word, "start", None), getattr(word, "end", None)
    if not _is_time(start) or not _is_time(end):
        return None
    start_s, end_s = _seconds(start), _seconds(end)
    return start_s, max(start_s, end_s)


def _items(found: object) -> Iterator[object]:
    return iter(found) if isinstance(found, list | tuple) else iter(())


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < MOST_S


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) and _is_time(value) else 0.0
