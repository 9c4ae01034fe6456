"""Translations and speech begun before their clause is committed, for one speaker.

`Ahead.translator` and `Ahead.voice` are engines made of engines: asked for exactly what was begun, they hand it over,
finished or not; asked for anything else, they ask the engine behind them. Whoever asks need not know. A work that
failed before anybody asked for it counts for nothing. Knows engines; knows no queue, no delivery and no listener.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Generic, Protocol, TypeVar

from controller.engines.mt import Translator
from controller.engines.tts import Voice
from controller.engines.tts.timbre import Timbre
from controller.messages import Fate, SpeechChunk
from controller.pipeline.translation import following

MOST_SENTENCES = 3
"""Sentences of one draft that are translated ahead; only the first of them can be spoken at once."""

MOST_CHUNKS = 8
"""Chunks of sound kept of one work begun ahead, some 3 s: its voice waits there until somebody listens."""


class _Work(Protocol):
    task: asyncio.Task[None]


W = TypeVar("W", bound=_Work)


def _failed(work: _Work) -> bool:
    return work.task.done() and (work.task.cancelled() or work.task.exception() is not None)


class _Begun(Generic[W]):
    """The works of one engine that nobody has asked for yet, by what was asked of it and the clause's own text."""

    def __init__(self, tell: Callable[[Fate], None]) -> None:
        self._tell = tell
        self._works: dict[Hashable, tuple[str, W]] = {}

    def __contains__(self, request: Hashable) -> bool:
        return request in self._works

    def add(self, request: Hashable, source: str, work: W) -> None:
        # Whoever takes the work is told its failure; that of one which nobody takes is nobody's business.
        work.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._works[request] = source, work
        self._tell(Fate.BEGUN)

    def take(self, request: Hashable) -> W | None:
        """The work for exactly this request, or None. Whoever takes it owns it."""
        _, work = self._works.pop(request, (None, None))
        if work is None:
            return None
        failed = _failed(work)
        self._tell(Fate.FAILED if failed else Fate.USED)
        return None if failed else work

    def cancel(self, but: Iterable[str] = ()) -> None:
        """Give up all works but those for the source texts `but`."""
        kept = frozenset(but)
        for request, (source, work) in list(self._works.items()):
            if source not in kept:
                del self._works[request]
                self._tell(Fate.FAILED if _failed(work) else Fate.CANCELLED)
                work.task.cancel()


class _Text:
    """A translation under way."""

    def __init__(self, engine: Translator, text: str, source: str, target: str, context: tuple[str, ...]) -> None:
        self.text = ""
        self._request = text, source, target, context
        self.task = asyncio.create_task(self._run(engine), name="translation ahead")

    async def _run(self, engine: Translator) -> None:
        self.text = await engine.translate(*self._request)


class _Sound:
    """Speech under way: its first chunks wait for whoever takes it."""

    def __init__(self, engine: Voice, text: str, language: str, speed: float, timbre: Timbre | None) -> None:
        self._chunks: asyncio.Queue[SpeechChunk | None] = asyncio.Queue()
        self._taken = asyncio.Event()
        self.task = asyncio.create_task(self._run(engine, text, language, speed, timbre), name="speech ahead")

    async def _run(self, engine: Voice, text: str, language: str, speed: float, timbre: Timbre | None) -> None:
        try:
            async with aclosing(engine.synthesize(text, language, speed=speed, timbre=timbre)) as chunks:
                async for chunk in chunks:
                    self._chunks.put_nowait(chunk)
                    if self._chunks.qsize() >= MOST_CHUNKS:
                        await self._taken.wait()
        finally:
            self._chunks.put_nowait(None)

    async def chunks(self) -> AsyncGenerator[SpeechChunk, None]:
        """What was made, then what is being made. Closing it gives the rest up."""
        self._taken.set()
        try:
            while (chunk := await self._chunks.get()) is not None:
                yield chunk
            await self.task  # raises what the voice raised
        finally:
            self.task.cancel()


class _AheadTranslator:
    """The translator's face."""

    def __init__(self, engine: Translator, tell: Callable[[Fate], None]) -> None:
        self._engine = engine
        self.begun: _Begun[_Text] = _Begun(tell)

    @property
    def name(self) -> str:
        return self._engine.name

    def translates(self, source: str, target: str) -> bool:
        return self._engine.translates(source, target)

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        work = self.begun.take((text, source, target, tuple(context)))
        if work is None:
            return await self._engine.translate(text, source, target, context)
        await work.task
        return work.text

    async def probe(self) -> None:
        await self._engine.probe()

    def begin(
        self, text: str, source: str, target: str, context: tuple[str, ...], then: Callable[[str], None] | None
    ) -> None:
        """Begin; `then` is given the translation where it comes before anybody has asked for it."""
        request = text, source, target, context
        if request in self.begun:
            return
        work = _Text(self._engine, *request)
        self.begun.add(request, text, work)
        if then is not None:
            work.task.add_done_callback(lambda _: then(work.text) if work.text and request in self.begun else None)


class _AheadVoice:
    """The voice's face."""

    def __init__(self, engine: Voice, tell: Callable[[Fate], None]) -> None:
        self._engine = engine
        self.begun: _Begun[_Sound] = _Begun(tell)

    @property
    def name(self) -> str:
        return self._engine.name

    def speaks(self, language: str) -> bool:
        return self._engine.speaks(language)

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        work = self.begun.take(_request(text, language, speed, timbre))
        sound = work.chunks() if work else self._engine.synthesize(text, language, speed=speed, timbre=timbre)
        async with aclosing(sound) as chunks:
            async for chunk in chunks:
                yield chunk

    async def probe(self) -> None:
        await self._engine.probe()

    def begin(self, source: str, text: str, language: str, speed: float, timbre: Timbre | None) -> None:
        """Begin to speak `text`, the translation of `source`."""
        request = _request(text, language, speed, timbre)
        if request not in self.begun:
            self.begun.add(request, source, _Sound(self._engine, text, language, speed, timbre))


def _request(text: str, language: str, speed: float, timbre: Timbre | None) -> Hashable:
    """What is begun in a voice is not for who is to be spoken with another by then."""
    return text, language, speed, timbre and timbre.key


class Ahead:
    """What is begun at a pause and given up when the speaker goes on."""

    def __init__(
        self,
        translator: Translator,
        voice: Voice,
        speed: Callable[[str, str], float | None],
        tell: Callable[[str, Fate], None],
        timbre: Callable[[], Timbre | None] = lambda: None,
    ) -> None:
        """
        Args:
            speed: at what speed a translation (text, language) would be spoken if it came now; None where it would
                have to wait, so that nothing is gained by speaking it ahead.
            tell: told of each work, by the engine's kind, when it is begun and how it ends.
            timbre: what the speaker would be spoken with now; None is the neutral voice.
        """
        self.translator = _AheadTranslator(translator, partial(tell, "mt"))
        self.voice = _AheadVoice(voice, partial(tell, "tts"))
        self._speed = speed
        self._timbre = timbre

    def foresee(self, texts: Sequence[str], context: Sequence[str], source: str, targets: Iterable[str]) -> None:
        """Begin on sentences that may soon be clauses, and give up all others.

        Args:
            context: as a translator will be given it with the first of them; each is the next one's context too.
        """
        self.settle(texts)
        for target in targets:
            for number, text in enumerate(texts[:MOST_SENTENCES]):
                before = following(context, texts[:number])
                then = None if number else partial(self._speak, text, target)
                self.translator.begin(text, source, target, before, then)

    def settle(self, texts: Iterable[str] = ()) -> None:
        """Give up all but what was begun for these texts: they were committed, or are still to be expected."""
        kept = tuple(texts)
        self.translator.begun.cancel(but=kept)
        self.voice.begun.cancel(but=kept)

    def _speak(self, source: str, target: str, text: str) -> None:
        speed = self._speed(text, target)
        if speed is not None:
            self.voice.begin(source, text, target, speed, self._timbre())
