"""What is known at a moment of who speaks on a call: whether they are the owner of the voice that they claim."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Of a claim. The voice is used in one of them only."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    """They are somebody else, or the voice must not be used"""
    NOT_YET = "not_yet"
    UNKNOWN = "unknown"
    """Nobody can say: no encoder answers, or what it says does not compare"""


class Because(StrEnum):
    """Why, in a word: a metric's label."""

    ALIKE = "alike"
    UNLIKE = "unlike"
    TOO_LITTLE = "too_little"
    """was heard of them"""
    UNUSABLE = "unusable"
    """The profile is gone or empty, its consent was revoked or never given"""
    ENCODER = "encoder"
    """It is not there, or fails"""
    MODEL = "model"
    """The profile was made by another, or by one that tells nobody from anybody"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one claim."""

    state: State
    because: Because
    why: str
    """In a sentence, for a log"""
