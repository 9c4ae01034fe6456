"""One speaker's stream through Deepgram, whatever becomes of its connections: what was not told yet is kept, and given
to the next one. An utterance whose words do not come in time, or cannot, is told as lost, and no other is."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from controller.engines.stt.deepgram.account import Account, Utterance
from controller.engines.stt.deepgram.line import NAME, Line
from controller.engines.stt.deepgram.parsing import Heard, Reader
from controller.engines.stt.deepgram.transport import Transport
from controller.errors import EngineError, EngineTimeout, EngineUnavailable
from controller.frames import FRAME_S, AudioFrame
from controller.messages import (
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    Transcript,
    VoiceEvent,
)

log = logging.getLogger(__name__)

RING_FRAMES: Final = 2000
"""40 s: an utterance lasts 27 at most, and is waited for no longer than `deadline_s`."""

ANSWER_S: Final = 1.2
"""So long after it was asked to finish, Deepgram counts as frozen. What is sent again gives it AGAIN of its length."""

AGAIN: Final = 0.2

BACKOFF_S: Final = 0.1
MOST_BACKOFF_S: Final = 2.0
"""Before another connection is tried, after one that told nothing; doubled each time. After one that did: at once."""

REFUSED_S: Final = 60.0
"""The same where the key or the options are refused: that does not pass by itself."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What every stream of an engine has in common."""

    transport: Transport
    read: Reader
    deadline_s: float
    """From the end of an utterance until it is lost."""

    on_reconnect: Callable[[], None] = lambda: None
    """A connection was lost."""
    on_answer: Callable[[], None] = lambda: None
    """It works."""
    chance: Callable[[], float] = random.random
    """Numbers in [0, 1)."""


class DeepgramStream:
    """One speaker's utterances, in order."""

    def __init__(self, speaker: str, language: str, now: Callable[[], float], terms: Terms) -> None:
        """`language`: several, joined by commas, are told apart."""
        self._speaker = speaker
        self._language = language
        self._now = now
        self._terms = terms
        self._loop = asyncio.get_running_loop()
        self._account = Account(speaker, identify="," in language)
        self._results: asyncio.Queue[Transcript | Exception] = asyncio.Queue()
        self._ring: deque[AudioFrame | Utterance] = deque(maxlen=RING_FRAMES)
        """What was heard since all was told, in order; where an utterance ended in a pause, that utterance."""
        self._next = 0
        """The first frame that was not heard yet. Those before it are given again, and not heard again."""
        self._speaking = False
        self._line: Line | None = None
        self._refusal: EngineError | None = None
        """While nothing is tried."""
        self._closing = False
        self._timers: dict[Utterance, list[asyncio.TimerHandle]] = {}
        self._runner = asyncio.create_task(self._run(), name=f"deepgram-{speaker}")
        self._runner.add_done_callback(self._ran)

    def push(self, event: VoiceEvent) -> None:
        match event:
            case AudioFrame():
                self._take(event)
            case SpeechStarted():
                self._speaking = True
                self._account.started(event.index)
            case SpeechPaused():
                self._account.paused_s = event.span.end_s
            case SpeechResumed():
                self._account.paused_s = None
            case SpeechEnded():
                self._end(event)

    async def receive(self) -> Transcript:
        result = await self._results.get()
        if isinstance(result, Exception):
            raise result
        return result

    async def aclose(self) -> None:
        self._closing = True
        for utterance in list(self._timers):
            self._forget(utterance)
        line, self._line = self._line, None
        if line is not None:
            await line.close()
        self._runner.cancel()
        await asyncio.wait([self._runner])

    # What the speaker says

    def _take(self, frame: AudioFrame) -> None:
        if not self._speaking or frame.index < self._next:
            return
        self._next = frame.index + 1
        self._ring.append(frame)
        if self._line is not None:
            self._line.frame(frame)

    def _end(self, event: SpeechEnded) -> None:
        if not self._speaking:  # it was lost before it ended, and that was told
            return
        self._speaking = False
        utterance = self._account.ended(event, self._next)
        if self._refusal is not None:
            self._lose(utterance, self._refusal)
            return
        self._tell(self._account.due(self._now()))
        if utterance not in self._account.open:  # Deepgram has heard the end before us
            if self._line is not None:
                self._line.pause()
            return
        late = EngineTimeout(f"Deepgram did not tell an utterance within {self._terms.deadline_s:g} s", engine=NAME)
        self._timers[utterance] = [self._loop.call_later(self._terms.deadline_s, self._lose, utterance, late)]
        if utterance.cut:  # to finish now would break the word that is being spoken: what follows will tell
            return
        self._ring.append(utterance)
        if self._line is not None:
            self._finish(self._line, utterance)

    def _finish(self, line: Line, utterance: Utterance, more_s: float = 0.0) -> None:
        line.finish()
        utterance.asked_s = line.sent_s
        if utterance in self._timers:
            timer = self._loop.call_later(ANSWER_S + more_s, self._unanswered, line, utterance)
            self._timers[utterance].append(timer)

    def _unanswered(self, line: Line, utterance: Utterance) -> None:
        if line is not self._line or utterance not in self._account.open:
            return
        if utterance.blank:
            self._tell(self._account.settle(utterance, self._now()))
        else:
            line.break_off("it did not finish what it was asked to")

    def _lose(self, utterance: Utterance, error: EngineError) -> None:
        if utterance in self._account.open:
            self._account.give_up(utterance, self._next)
            self._results.put_nowait(type(error)(str(error), engine=NAME))
        self._forget(utterance)
        self._trim()

    def _forget(self, utterance: Utterance) -> None:
        for timer in self._timers.pop(utterance, ()):
            timer.cancel()

    # What Deepgram says

    def _heard(self, heard: Heard, sent_s: float) -> None:
        self._terms.on_answer()
        self._tell(self._account.take(heard, sent_s, self._now()))

    def _tell(self, transcripts: list[Transcript]) -> None:
        for one in transcripts:
            self._results.put_nowait(one)
        for utterance in [one for one in self._timers if one not in self._account.open]:
            self._forget(utterance)
        self._trim()

    def _trim(self) -> None:
        """Nothing is kept that would not be sent again."""
        resume, ring = self._resume(), self._ring
        while ring:
            first = ring[0]
            if first.index >= resume if isinstance(first, AudioFrame) else first in self._account.open:
                return
            ring.popleft()

    def _resume(self) -> int:
        """The first frame that a new connection is to hear."""
        return int(self._account.resume_s / FRAME_S + 1e-6)

    # Its connections

    async def _run(self) -> None:
        failures = 0
        while not self._closing:
            line = Line(self._now, self._terms.read, self._heard)
            try:
                await line.open(self._terms.transport, self._speaker, self._language)
            except EngineError as error:
                log.warning("%s: %s", self._speaker, error)
                failures += 1
                await self._pause(error, failures)
                continue
            try:
                self._replay(line)
                self._line = line
                why = await line.run()
            finally:
                self._line = None
                line.cut()
            if self._closing:
                return
            log.warning("%s: a connection to Deepgram is lost: %s", self._speaker, why)
            self._terms.on_reconnect()
            failures = 0 if line.answered else failures + 1
            if failures:
                await self._pause(EngineUnavailable(f"Deepgram closed a connection: {why}", engine=NAME), failures)

    def _replay(self, line: Line) -> None:
        """Give a new connection what was not told yet."""
        self._account.reconnected()
        self._trim()
        resume = self._resume()
        for one in self._ring:
            if isinstance(one, AudioFrame):
                if one.index >= resume:
                    line.again(one)
            elif one in self._account.open:
                self._finish(line, one, line.sent_s * AGAIN)
        line.pause()

    async def _pause(self, error: EngineError, failures: int) -> None:
        """Wait before the next connection is tried."""
        if error.retryable:
            most_s = min(MOST_BACKOFF_S, BACKOFF_S * 2.0 ** min(failures - 1, 10))
            await asyncio.sleep(most_s * (1 + self._terms.chance()) / 2)
            return
        self._refusal = error
        lost = list(self._account.open)
        for utterance in lost:
            self._lose(utterance, error)
        self._speaking = False
        if not lost:  # whoever counts the failures is to know at once
            self._results.put_nowait(error)
        await asyncio.sleep(REFUSED_S)
        self._refusal = None

    def _ran(self, runner: asyncio.Task[None]) -> None:
        if not runner.cancelled() and (fault := runner.exception()) is not None:
            log.error("the stream of a speaker through Deepgram failed", exc_info=fault)
            self._results.put_nowait(fault if isinstance(fault, Exception) else RuntimeError(str(fault)))
