"""Engines that answer as they did in a recording: each request with what it got then, as long after it as then.

What was never asked then is told as a difference, and fails. The recogniser answers by the clock, whatever it is given;
that too is compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any

from controller.engines import Engines
from controller.engines.tts.timbre import Timbre
from controller.errors import EngineUnavailable
from controller.flight.score import Answer, Moment, Piece, Score, Stream
from controller.frames import FRAME_S
from controller.messages import SpeechChunk, SpeechEnded, SpeechStarted, Transcript, VoiceEvent
from controller.virtual_time import VirtualLoop

Tell = Callable[[str], None]
"""Told each difference, as a sentence."""


async def until(moment: Moment) -> None:
    """Wait for the moment of a record; the clock then reads exactly what it read when it was made."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    wait = moment.due - loop.time()
    if wait > 0:
        await asyncio.sleep(wait)
        loop.set_time(moment.at)


async def never() -> None:
    """The recording tells nothing more."""
    await asyncio.get_running_loop().create_future()


def answering(score: Score, tell: Tell) -> tuple[Engines, Recogniser]:
    """The engines of the recorded call; and the recogniser among them, to ask what it was given."""
    prompter = _Prompter(score, tell)
    names = score.about.get("engines", {})
    stt = Recogniser(names.get("stt", "?"), score, tell)
    translator, voice = _Translator(names.get("mt", "?"), prompter), _Voice(names.get("tts", "?"), prompter)
    return Engines(stt, translator, voice, stt if score.about.get("identifies") else None), stt


class _Prompter:
    """Knows the recorded answer to each request."""

    def __init__(self, score: Score, tell: Tell) -> None:
        self._answers = score.answers
        self._tell = tell
        self._latest: dict[tuple[Any, ...], Answer] = {}

    async def answer(self, *what: Any) -> AsyncIterator[Piece]:
        """The pieces of the answer, as they come.

        Raises:
            Exception: what the engine raised; EngineUnavailable where it was never asked this.
        """
        loop = asyncio.get_running_loop()
        answer = self._take(what)
        late = loop.time() - answer.asked
        for moment, piece in answer.pieces:
            if abs(late) < FRAME_S:  # the same request: the very moment keeps its order among all that happens
                await until(moment)
            else:
                await asyncio.sleep(moment.at + late - loop.time())
            if isinstance(piece, Exception):
                raise piece
            yield piece
        await never()

    def _take(self, what: tuple[Any, ...]) -> Answer:
        if left := self._answers.get(what):
            self._latest[what] = left.popleft()
        elif what in self._latest:
            self._tell(f"{_asked(what)} is asked once more than in the recording")
        else:
            self._tell(f"{_asked(what)} was not asked in the recording")
            raise EngineUnavailable("The recording has no answer.", engine="replay")
        return self._latest[what]


def _asked(what: tuple[Any, ...]) -> str:
    match what:
        case ("mt", text, source, target):
            return f"the translation of {text!r} from {source} to {target}"
        case (_, text, language, speed):
            return f"the speech of {text!r} in {language} at speed {speed}"
    return f"{what}"


class Recogniser:
    """Gives each speaker's transcripts at their recorded times."""

    def __init__(self, name: str, score: Score, tell: Tell) -> None:
        self.name = name
        self.streams: list[tuple[str, Stream, Stream]] = []
        """Speaker, what a stream was given and answered in the recording, and what it is given now."""
        self._score = score
        self._tell = tell

    def hears(self, language: str) -> bool:
        return True

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> _Stream:
        earlier = sum(name == speaker for name, _, _ in self.streams)
        recorded = self._score.streams[speaker]
        if earlier >= len(recorded):
            self._tell(f"the recogniser's stream of {speaker} is opened once more than in the recording")
        then, given = recorded[earlier] if earlier < len(recorded) else Stream(), Stream()
        self.streams.append((speaker, then, given))
        return _Stream(then, given)

    async def probe(self) -> None:
        return None


class _Stream:
    def __init__(self, then: Stream, given: Stream) -> None:
        self._answers = iter(then.answers)
        self._given = given

    def push(self, event: VoiceEvent) -> None:
        if isinstance(event, SpeechStarted | SpeechEnded):
            self._given.utterances.append(event)

    async def receive(self) -> Transcript:
        for moment, answer in self._answers:
            await until(moment)
            if isinstance(answer, Exception):
                raise answer
            return answer
        await never()
        raise AssertionError

    async def aclose(self) -> None:
        return None


class _Translator:
    def __init__(self, name: str, prompter: _Prompter) -> None:
        self.name = name
        self._prompter = prompter

    def translates(self, source: str, target: str) -> bool:
        return True

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        return str(await anext(self._prompter.answer("mt", text, source, target)))

    async def probe(self) -> None:
        return None


class _Voice:
    def __init__(self, name: str, prompter: _Prompter) -> None:
        self.name = name
        self._prompter = prompter

    def speaks(self, language: str) -> bool:
        return True

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        async for piece in self._prompter.answer("tts", text, language, speed):
            assert isinstance(piece, tuple)
            pcm, last = piece
            yield SpeechChunk(pcm, last)
            if last:
                return

    async def probe(self) -> None:
        return None
