"""A voice made of voices: what one cannot begin to say, another says.

What has begun to sound is not begun again: who listens would hear it twice. Whoever asked may ask for the rest of the
text, or, where all of it was thrown away unheard, for the same again; the voice that broke off is then the last to be
asked.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from controller.engines.fallback import Chain, Member, Terms, Turns
from controller.engines.tts import DEFAULT, Narrator, Voice, clones
from controller.engines.tts.timbre import Timbre
from controller.errors import EngineError, EngineRejected
from controller.frames import SAMPLE_RATE, Pcm
from controller.messages import SpeechChunk
from controller.recovery.breaker import State

P = TypeVar("P")


def voice_of(kind: str, members: Sequence[Member[Voice]], terms: Terms) -> FallbackVoice:
    """One that may be asked outside of calls where any of them may."""
    narrates = any(isinstance(one.engine, Narrator) for one in members)
    return (FallbackNarrator if narrates else FallbackVoice)(kind, members, terms)


class FallbackVoice(Chain[Voice]):
    """For calls."""

    def __init__(self, kind: str, members: Sequence[Member[Voice]], terms: Terms) -> None:
        super().__init__(kind, members, terms)
        self._broke: tuple[str, str] | None = None
        """The engine that last broke off, and the text."""

    @property
    def clones(self) -> bool:
        return any(clones(one.engine) for one in self.members)

    def speaks(self, language: str) -> bool:
        return any(one.engine.speaks(language) for one in self.members)

    def works(self, language: str) -> bool:
        """Whether one of those that speak it works, as far as is known."""
        return any(one.breaker.state is State.CLOSED and one.engine.speaks(language) for one in self.members)

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        able = [one for one in self.members if one.engine.speaks(language)]
        sound = self._said(able, text, lambda voice: voice.synthesize(text, language, speed=speed, timbre=timbre))
        async with aclosing(sound) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _said(
        self, able: Sequence[Member[Voice]], text: str, begin: Callable[[Voice], AsyncGenerator[P, None]]
    ) -> AsyncGenerator[P, None]:
        """What the first of them gives that gives anything at all."""
        broke = self._broke
        if broke is not None and broke[1].endswith(text):
            self._broke = None
            able = sorted(able, key=lambda one: one.engine.name == broke[0])
        turns = Turns(self, able, self._terms)
        for member, attempt in turns:
            name = member.engine.name
            with attempt:
                first_s: float | None = None
                try:
                    async with aclosing(begin(member.engine)) as sound:
                        piece = await turns.within(anext(sound, None), name)
                        first_s = self._terms.now() - attempt.began_s
                        while piece is not None:
                            yield piece
                            piece = await anext(sound, None)
                        self._terms.watch.worked(name, self.kind)
                        return
                except EngineError as error:
                    attempt.failed(error)
                    if first_s is not None:
                        self._broke = name, text
                        raise
                    turns.failure = error
                finally:
                    if first_s is not None:  # heard to its end, or for as long as somebody listened
                        attempt.succeeded(first_s)
        raise turns.failure or self._none_left()


class FallbackNarrator(FallbackVoice):
    """For whoever asks outside of calls too."""

    @property
    def voices(self) -> Sequence[str]:
        """Everybody's; what is asked for by name is said by those engines alone that have that voice."""
        names = (name for one in self._narrators() for name in one.voices)
        return (DEFAULT, *dict.fromkeys(name for name in names if name != DEFAULT))

    async def narrate(
        self,
        text: str,
        language: str,
        *,
        voice: str = DEFAULT,
        speed: float = 1.0,
        sample_rate: int = SAMPLE_RATE,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[Pcm, None]:
        able = [
            one
            for one in self.members
            if isinstance(one.engine, Narrator) and one.engine.speaks(language) and voice in one.engine.voices
        ]
        if not able:
            raise EngineRejected(f"{self.name} has no voice '{voice}' that speaks '{language}'", engine=self.name)

        def begin(engine: Voice) -> AsyncGenerator[Pcm, None]:
            assert isinstance(engine, Narrator)
            return engine.narrate(
                text, language, voice=voice, speed=speed, sample_rate=sample_rate, deadline_s=deadline_s
            )

        async with aclosing(self._said(able, text, begin)) as sound:
            async for pcm in sound:
                yield pcm

    async def warm(self, language: str, voice: str = DEFAULT) -> None:
        """All of them, for any may be the next; raises the first one's EngineError where none is ready then."""
        failure: EngineError | None = None
        ready = False
        for engine in self._narrators():
            if engine.speaks(language) and voice in engine.voices:
                try:
                    await engine.warm(language, voice)
                    ready = True
                except EngineError as error:
                    failure = failure or error
        if failure is not None and not ready:
            raise failure

    def _narrators(self) -> list[Narrator]:
        return [one.engine for one in self.members if isinstance(one.engine, Narrator)]
