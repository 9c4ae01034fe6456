"""The line of somebody who enrols: things are said to them, keys are asked for, what they say is recorded.

Frames go in and out by the tick and by the media channel; nothing in there waits. What waits is beside it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Final, Protocol

from controller.engines.tts import Voice
from controller.enrolment.hearing import Listening
from controller.enrolment.sentences import FALLBACK, TEXTS, Sentence
from controller.frames import SILENCE, Pcm
from controller.messages import SpeechChunk
from controller.pipeline.announcements import TONE
from controller.pipeline.utterance import END, Utterance

MISSING_TICKS: Final = 10
"""After so many without a frame silence stands in: a phone may send nothing while nobody speaks."""

HEARD_S: Final = 2.0
"""So long the media channel may take to say that all was played; then it is taken for played."""


class Wire(Protocol):
    """What takes frames to somebody's ear: a party."""

    def send(self, pcm: Pcm) -> bool: ...

    def mark(self, name: str) -> bool: ...


class Line:
    """Of one who enrols. As a leg it takes what comes from them."""

    def __init__(self, wire: Wire, voice: Voice, language: str) -> None:
        self.on_taken_over: Callable[[], None] = lambda: None
        """Called once somebody else is on it, who cannot go on with what was said so far."""
        self.language = language if language in TEXTS and voice.speaks(language) else FALLBACK
        self._wire = wire
        self._voice = voice
        self._saying: deque[Utterance] = deque()
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        self._listening: Listening | None = None
        self._listened = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._reached = asyncio.Event()
        self._held = False
        self._marks = 0
        self._missing = 0
        """Ticks in a row without a frame from them."""

    # In the audio path

    def tick(self, _due: float) -> None:
        """Send them the next 20 ms."""
        pcm = None
        while self._saying and pcm is None:
            one = self._saying[0]
            if (pcm := one.take()) is None:
                if not one.complete:
                    break
                self._saying.popleft()
        self._wire.send(SILENCE if pcm is None else pcm)
        if not self._saying:
            self._quiet.set()
        self._missing += 1
        if self._missing > MISSING_TICKS:
            self._hear(SILENCE)

    def push(self, pcm: Pcm) -> None:
        """20 ms came from them, int16[320]."""
        self._missing = 0
        self._hear(pcm)

    def _hear(self, pcm: Pcm) -> None:
        if self._listening is not None and not self._held:
            self._listening.push(pcm)
            if self._listening.done:
                self._listened.set()

    def reached(self, mark: str) -> None:
        """All that was sent to them before `mark` was played."""
        if mark == self._mark:
            self._reached.set()

    def held(self, on: bool) -> None:
        """They put the call on hold: what comes then is music, and no voice of theirs."""
        self._held = on

    def taken_over(self) -> None:
        """They have handed the call over."""
        self._held = True
        self.on_taken_over()

    def pressed(self, digit: str) -> str:
        """They pressed a key; there is nobody whom it is passed on to."""
        self._keys.put_nowait(digit)
        return ""

    # Beside it

    async def say(self, sentence: Sentence) -> None:
        """Say it, and wait until it was heard.

        Raises:
            EngineError: the voice failed.
        """
        utterance = Utterance()
        self._add(utterance)
        try:
            chunks = self._voice.synthesize(TEXTS[self.language][sentence], self.language)
            async with aclosing(chunks):
                async for chunk in chunks:
                    utterance.feed(chunk)
        finally:
            utterance.feed(END)
        await self._played()

    async def ask(self, sentence: Sentence, keys: str, patience_s: float) -> str | None:
        """Say it and wait for one of `keys`, which may come before it has been said; None where none comes.

        Raises:
            EngineError: the voice failed.
        """
        while not self._keys.empty():
            self._keys.get_nowait()
        saying = asyncio.create_task(self.say(sentence), name="asking")
        pressing = asyncio.create_task(self._key(keys), name="waiting for a key")
        try:
            await asyncio.wait([saying, pressing], return_when=asyncio.FIRST_COMPLETED)
            if not pressing.done():
                await saying  # raises what the voice raised
                await asyncio.wait([pressing], timeout=patience_s)
            return pressing.result() if pressing.done() else None
        finally:
            for task in (saying, pressing):
                task.cancel()
            await asyncio.gather(saying, pressing, return_exceptions=True)
            self._hush()

    async def record(self) -> Listening:
        """Sound a tone, and record what they say until they stop."""
        tone = Utterance()
        tone.feed(SpeechChunk(TONE, last=True))
        self._add(tone)
        await self._played()
        self._listened.clear()
        self._listening = listening = Listening()
        try:
            await self._listened.wait()
        finally:
            self._listening = None
        return listening

    @property
    def _mark(self) -> str:
        return f"said-{self._marks}"

    def _add(self, one: Utterance) -> None:
        self._saying.append(one)
        self._quiet.clear()

    def _hush(self) -> None:
        self._saying.clear()
        self._quiet.set()

    async def _played(self) -> None:
        """Until all of it was heard: their phone plays a little later than it is sent, and what it plays comes back."""
        await self._quiet.wait()
        self._marks += 1
        self._reached.clear()
        if self._wire.mark(self._mark):
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARD_S):
                    await self._reached.wait()

    async def _key(self, keys: str) -> str:
        while (key := await self._keys.get()) not in keys:
            pass
        return key
