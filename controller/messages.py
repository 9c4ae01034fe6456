"""What passes between the stages: voice activity, transcripts, clauses, translations, speech, deliveries.

All times ending in `_s` are seconds on the call's clock, which every leg of a call shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.frames import AudioFrame, Pcm
from controller.meaning import Finding


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one speaker's audio."""

    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The speaker began to speak. The frames from `index` on follow, the oldest from before the decision."""

    index: int
    """First frame of the utterance, a little before the first voiced one."""


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """The speaker fell silent for a moment: an end may follow, so work on it may begin."""

    span: Span
    """From the utterance's first frame to the end of its last voiced frame, so far."""


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """The speaker went on after a SpeechPaused."""


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The speaker paused, or spoke so long that the utterance is cut here."""

    span: Span
    """From the utterance's first frame to the end of its last voiced frame; to the cut where it was cut."""

    decided_s: float
    """When the end was decided: after the endpoint silence, or up to a second after a cut."""

    pause: bool
    """True for a pause; False where a long utterance was cut in mid-speech."""


VoiceEvent = SpeechStarted | AudioFrame | SpeechPaused | SpeechResumed | SpeechEnded
"""What a recogniser is fed: a start, its frames in order with pauses among them, an end; and so on.

A start may go back: never before the end of the span before it, but frames behind that, which came before the
SpeechEnded, are given again, the silence that ended an utterance or the second behind a cut. A recogniser that sends
what it is fed as it comes sends those twice unless it goes by the index.
"""


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recogniser heard in a span. A partial may change; a final does not."""

    speaker: str
    text: str
    words: tuple[Word, ...]
    """Empty where the recogniser gives no times."""

    span: Span
    final: bool
    speech_final: bool
    """True where the speaker paused after it."""

    decided_s: float
    """When the end of the span was known; `span.end_s` for a partial."""

    draft: bool = False
    """True for a partial that will be committed word for word unless the speaker goes on, or decides otherwise."""

    language: str | None = None
    """What was heard, where the recogniser was to find it out; None where it was told."""

    language_probability: float = 1.0
    """Among the candidates."""


@dataclass(frozen=True, slots=True)
class Clause:
    """The unit of interpretation: said once, translated once per language, never taken back."""

    id: str
    """Speaker and count, `a-1`; unique within a call."""

    speaker: str
    text: str
    span: Span
    """Ends with the last voiced frame of the clause."""

    language: str


@dataclass(frozen=True, slots=True)
class Translation:
    """A clause in another language."""

    clause: Clause
    language: str
    text: str
    engine: str

    lost: tuple[Finding, ...] = ()
    """What the clause says and it does not, as far as rules can tell"""


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of a spoken translation."""

    pcm: Pcm
    """int16[n] at the controller's rate; may be empty in the last chunk"""

    last: bool


class Outcome(StrEnum):
    """How a delivery ended."""

    PLAYED = "played"
    DROPPED = "dropped"


class Reason(StrEnum):
    """Why a delivery was dropped. BACKCHANNEL and FLUSHED are reserved: designed, and given by nothing yet."""

    HANGUP = "hangup"
    SUPERSEDED = "superseded"
    BACKLOG = "backlog"
    DEADLINE = "deadline"
    ENGINE_FAILED = "engine_failed"
    ECHO = "echo"
    BACKCHANNEL = "backchannel"
    TOO_SHORT = "too_short"
    SWITCHED_OFF = "switched_off"
    FLUSHED = "flushed"
    MEDIA_LOST = "media_lost"
    RESTART = "restart"


class Fate(StrEnum):
    """What became of a work begun ahead; each that is begun ends as exactly one of the others."""

    BEGUN = "begun"
    USED = "used"
    CANCELLED = "cancelled"
    FAILED = "failed"
    """Before anybody asked for it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One clause to one listener: the unit of account."""

    clause: Clause
    listener: str
    language: str
    outcome: Outcome
    reason: Reason | None
    """None where it was played."""

    target: str | None
    """The translated text; None where it never got so far."""

    first_s: float | None
    """When the first translated sample was handed to the listener's media channel."""

    last_s: float | None
    """When the last one was."""

    ear_s: float | None
    """When the first one was really played, by the media channel's own mark; None where none came back in time."""

    stages_ms: dict[str, float]
    """Where the time from the clause's end to `first_s` went; they add up to the lag."""

    lost: tuple[Finding, ...] = ()
    """What the clause says and its translation does not"""

    @property
    def lag_ms(self) -> float | None:
        """Clause end to first translated sample, in milliseconds; None where nothing was played."""
        return None if self.first_s is None else (self.first_s - self.clause.span.end_s) * 1000
