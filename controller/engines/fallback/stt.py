"""A recogniser made of recognisers: the audio of an utterance that one fails at is given again to the next.

What was heard since the last final is kept, in a bounded ring; what a final has told is neither kept nor heard again.
Of a speaker all that is not told yet is with one engine at a time, and so the order is kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from controller.engines.fallback import Chain, Member, Terms
from controller.engines.fallback.utterance import RING_FRAMES, Heard
from controller.engines.stt import Recogniser, RecogniserStream
from controller.errors import EngineError, EngineTimeout
from controller.frames import FRAME_S
from controller.messages import SpeechEnded, SpeechStarted, Transcript, VoiceEvent
from controller.recovery.breaker import State

log = logging.getLogger(__name__)

LOST_S = 15.0
"""Longer than this nobody's answer is waited for: what it tells would be too old to follow."""


class FallbackRecogniser(Chain[Recogniser]):
    """A speaker's utterances go to the first that works; back to it with the first that begins when nothing is open."""

    def hears(self, language: str) -> bool:
        return any(one.engine.hears(language) for one in self.members)

    def works(self, language: str) -> bool:
        """Whether one of those that understand it works, as far as is known."""
        return any(one.breaker.state is State.CLOSED and one.engine.hears(language) for one in self.members)

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> RecogniserStream:
        able = [one for one in self.members if one.engine.hears(language)]
        return FallbackStream(
            able or self.members, lambda one: one.open(speaker, language, now), self._terms, self._none_left
        )


class FallbackStream:
    """One speaker's."""

    def __init__(
        self,
        able: Sequence[Member[Recogniser]],
        begin: Callable[[Recogniser], RecogniserStream],
        terms: Terms,
        none_left: Callable[[], EngineError],
    ) -> None:
        self._able = able
        self._begin = begin
        self._terms = terms
        self._none_left = none_left
        self._results: asyncio.Queue[Transcript | Exception] = asyncio.Queue()
        self._open: deque[Heard] = deque()
        """Utterances that have neither a final nor an error, the oldest first."""
        self._speaking: Heard | None = None
        """The last of them, while it goes on."""
        self._told = 0
        """The first frame that no final has told of."""
        self._member: Member[Recogniser] | None = None
        self._stream: RecogniserStream | None = None
        self._receiving: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        # A connection takes time: it is there when the first word is said.
        self._open_stream(next((one for one in able if one.breaker.allows), able[0]))

    def push(self, event: VoiceEvent) -> None:
        if isinstance(event, SpeechStarted):
            self._speaking = Heard(event)
            self._open.append(self._speaking)
            self._place(self._speaking)
            return
        heard = self._speaking
        if heard is None:
            return
        heard.add(event)
        if isinstance(event, SpeechEnded):
            self._speaking = None
        if heard.placed and self._stream is not None:
            if heard.wants(event):
                self._stream.push(event)
        elif isinstance(event, SpeechEnded):  # nobody was there for it when it began, or since: now or never
            heard.tried.clear()
            self._place(heard)
            if not heard.placed:
                self._open.remove(heard)
                self._results.put_nowait(heard.failure or self._none_left())
        if isinstance(event, SpeechEnded) and heard.placed:
            self._ended(heard)
        self._bound()

    async def receive(self) -> Transcript:
        result = await self._results.get()
        if isinstance(result, Exception):
            raise result
        return result

    async def aclose(self) -> None:
        for heard in self._open:
            heard.forget()
        self._close_stream()
        if self._closing:
            await asyncio.wait(self._closing)

    # Which engine

    def _place(self, heard: Heard) -> None:
        """Give the newest utterance to the first engine that is let at it; to none where none is."""
        others = any(one.placed for one in self._open)
        here = self._member
        if others and here is not None and heard.enter(here):  # they are not told yet: what comes now waits for them
            self._give(heard)
            return
        for member in self._able:
            if not (others and member is here) and heard.enter(member):
                if member is here and self._stream is not None:
                    self._give(heard)
                else:
                    self._move(member)
                return

    def _give(self, heard: Heard) -> None:
        assert self._stream is not None
        heard.placed = True
        for event in heard.from_frame(0):
            self._stream.push(event)

    def _fail_over(self, error: EngineError) -> bool:
        """Give all that is open to another engine; False where none is let at it."""
        oldest = self._open[0]
        assert self._member is not None
        oldest.failed(self._member, error)
        for member in self._able:
            if member not in oldest.tried and oldest.enter(member):
                self._terms.watch.switched("stt", error, member.engine.name)
                self._move(member)
                return True
        return False

    def _move(self, member: Member[Recogniser]) -> None:
        """All that is open goes to a new stream of `member`, from where the last final ended."""
        self._close_stream()
        stream = self._open_stream(member)
        for heard in list(self._open):
            if heard.lost:
                self._open.remove(heard)
                error = EngineTimeout("an utterance waited so long that its audio is gone", engine=member.engine.name)
                self._results.put_nowait(heard.failure or error)
                heard.forget()
                continue
            heard.move(member)
            for event in heard.from_frame(self._told):
                stream.push(event)
            if heard.end is not None:
                self._ended(heard)

    def _open_stream(self, member: Member[Recogniser]) -> RecogniserStream:
        self._member = member
        self._stream = stream = self._begin(member.engine)
        self._receiving = asyncio.create_task(self._receive(stream), name=f"{member.engine.name} in a chain")
        return stream

    def _close_stream(self) -> None:
        """Nothing more is taken from it."""
        stream, self._stream, self._member = self._stream, None, None
        if self._receiving is not None:
            self._receiving.cancel()
        if stream is not None:
            task = asyncio.create_task(self._aclose(stream), name="closing a recogniser's stream")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _aclose(self, stream: RecogniserStream) -> None:
        try:
            await stream.aclose()
        except EngineError as error:  # it had failed already
            log.debug("a recogniser's stream could not be closed: %s", error)

    # What the engine says

    async def _receive(self, stream: RecogniserStream) -> None:
        while stream is self._stream:
            try:
                transcript = await stream.receive()
            except EngineError as error:
                self._lost(error)
            except Exception as error:  # a fault, and so the end of the stream: whoever receives is to know
                log.exception("the stream of a recogniser failed")
                if self._open:
                    self._open[0].fault(error)
                self._results.put_nowait(error)
                return
            else:
                self._take(transcript)

    def _take(self, transcript: Transcript) -> None:
        if transcript.final:
            self._told = max(self._told, round(transcript.span.end_s / FRAME_S))
            oldest = self._open[0] if self._open else None
            if oldest is not None and oldest.is_told_by(transcript):
                self._open.popleft()
                assert self._member is not None
                oldest.succeeded(self._terms.now())
                self._terms.watch.worked(self._member.engine.name, "stt")
            elif oldest is not None:
                oldest.told_until(self._told)
        self._results.put_nowait(transcript)

    def _lost(self, error: EngineError) -> None:
        """The engine has lost the oldest utterance, or, where there is none, its connection."""
        if not self._open:
            assert self._member is not None
            self._member.breaker.broke(error)
        elif not self._fail_over(error):
            oldest = self._open[0]
            if oldest is self._speaking:  # it is tried once more when all of it is there
                oldest.placed = False
            else:
                self._open.popleft()
                self._results.put_nowait(error)

    def _ended(self, heard: Heard) -> None:
        """The answer is due from now on."""
        heard.ended(self._terms.now())
        heard.wait(self._terms.patience_s, self._overdue)

    def _overdue(self, heard: Heard) -> None:
        """The engine keeps an utterance waiting: it is given to another, as soon as there is one."""
        if self._member is None or heard not in self._open:
            return
        if heard is not self._open[0]:  # what was said before it is told first
            heard.wait(self._terms.patience_s, self._overdue)
            return
        name = self._member.engine.name
        late = EngineTimeout(f"{name} gave no answer in time: the next one is asked", engine=name)
        others = [one for one in self._able if one is not self._member and one not in heard.tried]
        if any(one.breaker.allows for one in others):
            self._fail_over(late)
        elif heard.waited_s(self._terms.now()) < LOST_S:
            heard.wait(self._terms.patience_s, self._overdue)
        else:  # this stream gives no answer any more
            heard.failed(self._member, late)
            self._open.popleft()
            self._results.put_nowait(late)
            self._move(self._member)

    def _bound(self) -> None:
        """The oldest audio goes where too much is kept."""
        kept = sum(one.kept for one in self._open)
        for heard in self._open:
            if kept <= RING_FRAMES:
                return
            kept -= heard.kept
            if heard is not self._speaking:
                heard.lose()
