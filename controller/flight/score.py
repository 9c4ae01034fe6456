"""A recorded call as a score to be played again: what came in, in order, at strictly rising moments.

Some clocks tick in milliseconds, so that records share a moment although one came after the other. Each gets a moment
of its own here, a microsecond after the one before where need be, which keeps their order.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from controller.errors import RecordingError
from controller.flight.kinds import CLAUSE, DELIVERY, TRANSCRIPT, UTTERANCE, Kind, load_error
from controller.frames import SILENCE, Pcm
from controller.messages import Clause, Delivery, SpeechEnded, SpeechStarted, Transcript
from controller.telemetry.flight import Flight, Record
from controller.telemetry.recorder import LOST

STEP_S = 1e-6
"""Between two records of the same moment; the event loop tells times of 1 ns apart."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a record is played again."""

    at: float
    """What the event loop's clock reads then"""

    due: float
    """Until when to wait for it: the same, or a little later, after what came before it"""


@dataclass(frozen=True, slots=True)
class Input:
    """Something that came from outside."""

    moment: Moment
    kind: Kind
    words: Sequence[Any]
    frames: list[Pcm]
    """Of a frame: it, and those that came together with it"""


@dataclass(slots=True)
class Stream:
    """A recogniser's stream: what it was given, and what it answered when."""

    utterances: list[SpeechStarted | SpeechEnded] = field(default_factory=list)
    answers: list[tuple[Moment, Transcript | Exception]] = field(default_factory=list)


Piece = str | Exception | tuple[Pcm, bool]
"""Of an answer: a text, or sound with whether it is the last, or an error"""


@dataclass(slots=True)
class Answer:
    """What a translator or a voice was asked, and what it answered when."""

    asked: float
    pieces: list[tuple[Moment, Piece]] = field(default_factory=list)


class Score:
    """A whole recording, in order."""

    def __init__(self, flight: Flight) -> None:
        """
        Raises:
            RecordingError: it holds no call, or another version of Dragoman wrote it.
        """
        self.whole = flight.whole
        self.about: dict[str, Any] = {}
        self.began = math.nan
        """What the event loop's clock read where the call's read 0."""
        self.ended = 0.0
        """The last moment."""
        self.last = Moment(0.0, 0.0)
        """That, as the replay's clock has it."""
        self.lost = 0
        """Records that a slow disk left no room for."""
        self.inputs: list[Input] = []
        self.refused: dict[tuple[str, str], set[int]] = defaultdict(set)
        """Which calls of an outlet, by leg and method, it did not take."""
        self.streams: dict[str, list[Stream]] = defaultdict(list)
        """By speaker, in the order in which they were opened."""
        self.answers: dict[tuple[Any, ...], deque[Answer]] = defaultdict(deque)
        """By what was asked, in the order in which it was."""
        self.clauses: list[Clause] = []
        self.deliveries: list[Delivery] = []
        self._open: dict[int, Stream] = {}
        self._asked: dict[int, Answer] = {}
        for moment, record in _moments(flight.records):
            self._take(moment, record)
        if not self.about or math.isnan(self.began):
            raise RecordingError("The recording ends before its call began: there is nothing to replay.")

    @property
    def seconds(self) -> float:
        """From the call's beginning to the last record."""
        return self.ended - self.began

    def _take(self, moment: Moment, record: Record) -> None:
        self.ended, self.last = record.at, moment
        kind, *words = record.what
        match kind:
            case Kind.CALL:
                (self.about,) = words
            case Kind.BEGAN:
                (self.began,) = words
            case Kind.FRAME:
                self._came(moment, words, record.pcm)
            case Kind.TICK | Kind.JOINED | Kind.LEFT | Kind.LEG:
                self.inputs.append(Input(moment, Kind(kind), words, []))
            case Kind.REFUSED:
                leg, method, number = words
                self.refused[leg, method].add(number)
            case Kind.OPENED:
                number, speaker, _ = words
                self.streams[speaker].append(self._stream(number))
            case Kind.HEARD:
                self._stream(words[0]).utterances.append(UTTERANCE.load(words[1]))
            case Kind.TRANSCRIPT:
                self._stream(words[0]).answers.append((moment, TRANSCRIPT.load(words[1])))
            case Kind.STREAM_FAILED:
                self._stream(words[0]).answers.append((moment, load_error(words[1])))
            case Kind.ASKED:
                number, *what = words
                self._asked[number] = Answer(record.at)
                self.answers[tuple(what)].append(self._asked[number])
            case Kind.TEXT:
                self._answered(moment, words[0], words[1])
            case Kind.SOUND:
                self._answered(moment, words[0], (SILENCE[:0] if record.pcm is None else record.pcm, words[1]))
            case Kind.FAILED:
                self._answered(moment, words[0], load_error(words[1]))
            case Kind.CLAUSE:
                self.clauses.append(CLAUSE.load(words[0]))
            case Kind.DELIVERY:
                self.deliveries.append(DELIVERY.load(words[0]))
            case _ if kind == LOST:
                self.lost += words[0]

    def _came(self, moment: Moment, words: Sequence[Any], pcm: Pcm | None) -> None:
        leg, together = words[0], len(words) > 1 and words[1]  # older recordings do not say
        before = self.inputs[-1] if self.inputs else None
        frames = [] if pcm is None else [pcm]
        if together and before is not None and before.kind is Kind.FRAME and before.words[0] == leg:
            before.frames.extend(frames)
        else:
            self.inputs.append(Input(moment, Kind.FRAME, words, frames))

    # What a slow disk has lost may be the very record that a later one refers to.

    def _stream(self, number: int) -> Stream:
        return self._open.setdefault(number, Stream())

    def _answered(self, moment: Moment, number: int, piece: Piece) -> None:
        self._asked.setdefault(number, Answer(moment.at)).pieces.append((moment, piece))


def _moments(records: Iterable[Record]) -> Iterator[tuple[Moment, Record]]:
    due = 0.0
    for record in records:
        due = max(record.at, due + STEP_S)
        yield Moment(record.at, due), record
