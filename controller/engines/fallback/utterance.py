"""One utterance on its way through several recognisers: what was heard of it and is not told yet, and who tried."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from controller.engines.fallback import Member
from controller.engines.stt import Recogniser
from controller.errors import EngineError
from controller.frames import AudioFrame
from controller.messages import SpeechEnded, SpeechPaused, SpeechResumed, SpeechStarted, Transcript, VoiceEvent
from controller.recovery.breaker import Attempt

RING_FRAMES = 1500
"""30 s of a speaker: the longest utterance of all (`vad.max_utterance_s`) is 27 s."""


class Heard:
    """One utterance."""

    def __init__(self, started: SpeechStarted) -> None:
        self.placed = False
        """An engine has it."""
        self.end: SpeechEnded | None = None
        self.lost = False
        """Its audio is gone: no other engine can be given it."""
        self.failure: EngineError | None = None
        """Of the engine that had it last."""
        self.tried: list[Member[Recogniser]] = []
        """Those that have failed at it."""
        self._first = started.index
        self._frames: deque[AudioFrame] = deque(maxlen=RING_FRAMES)
        self._paused: SpeechPaused | None = None
        self._attempt: Attempt | None = None
        self._ended_s = self._due_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def kept(self) -> int:
        """Frames."""
        return len(self._frames)

    def add(self, event: VoiceEvent) -> None:
        """More of it came."""
        match event:
            case AudioFrame():
                self._frames.append(event)
            case SpeechPaused():
                self._paused = event
            case SpeechResumed():
                self._paused = None
            case SpeechEnded():
                self.end = event

    def wants(self, event: VoiceEvent) -> bool:
        """Whether its engine is to hear `event`: not what another has told of already."""
        return not isinstance(event, AudioFrame) or event.index >= self._first

    def from_frame(self, index: int) -> Iterator[VoiceEvent]:
        """All of it from the frame `index` on, for an engine that has heard nothing of it. Pauses over which the
        speaker went on are of no use to one that gets all at once."""
        self.told_until(index)
        yield SpeechStarted(self._first)
        yield from self._frames
        if self.end is not None:
            yield self.end
        elif self._paused is not None:
            yield self._paused

    def told_until(self, index: int) -> None:
        """What lies before the frame `index` was told: it is not kept, and no other engine will hear it."""
        self._first = max(self._first, index)
        while self._frames and self._frames[0].index < index:
            self._frames.popleft()

    def is_told_by(self, final: Transcript) -> bool:
        """Whether `final` is the last one of it; one before the end tells only the beginning."""
        end = self.end
        return end is not None and (
            final.speech_final or final.decided_s == end.decided_s or final.span.end_s >= end.span.end_s
        )

    # Its engines

    def enter(self, member: Member[Recogniser]) -> bool:
        """Whether `member` may be asked; it then has an attempt."""
        attempt = member.breaker.enter()
        if attempt is None:
            return False
        self.forget()
        self._attempt = attempt
        return True

    def move(self, member: Member[Recogniser]) -> None:
        """It is given to `member` with others: whether that does it counts where it may count."""
        if self._attempt is None or self._attempt.breaker is not member.breaker:
            self.forget()
            self._attempt = member.breaker.enter()
        self.placed = True

    def ended(self, now_s: float) -> None:
        """The engine that has it has all of it: its answer is due."""
        self._ended_s = self._ended_s or now_s
        self._due_s = now_s

    def waited_s(self, now_s: float) -> float:
        """Since its end."""
        return now_s - self._ended_s

    def wait(self, patience_s: float, overdue: Callable[[Heard], None]) -> None:
        """Call `overdue` where the answer has not come by then."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(patience_s, overdue, self)

    def succeeded(self, now_s: float) -> None:
        """It was told."""
        if self._attempt is not None:
            self._attempt.succeeded(now_s - self._due_s)
        self.forget()

    def failed(self, member: Member[Recogniser], error: EngineError) -> None:
        """The engine that has it has failed at it."""
        self.failure = error
        self.tried.append(member)
        self.fault(error)

    def fault(self, error: Exception) -> None:
        """As `failed`, and nobody will try again."""
        if self._attempt is not None:
            self._attempt.failed(error)
        self.forget()

    def forget(self) -> None:
        """No answer is waited for."""
        if self._attempt is not None:
            self._attempt.given_up()
            self._attempt = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def lose(self) -> None:
        """Keep its audio no longer."""
        self._frames.clear()
        self.lost = True
