"""A scripted caller who enrols: hears what is said, presses keys, speaks when recorded; and a keeper to enrol with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from controller.engines.tts import Voice
from controller.enrolment.hearing import Listening
from controller.enrolment.interview import Interview, Outcome
from controller.enrolment.line import Line
from controller.enrolment.sentences import TEXTS
from controller.frames import FRAME_SAMPLES, SILENCE, Pcm
from controller.voices.keeper import Keeper
from controller.voices.library import Library
from controller.voices.objects import Folder
from controller.voices.store import VoiceStore
from tests.fakes.fake_encoders import FakeEncoders
from tests.fakes.fake_engines import FakeVoice

ANA, BOB = 200.0, 105.0
NUMBER = "34600111"
NAME = "tel-34600111"
EMPTY: Pcm = np.zeros(0, np.int16)


def frames(pcm: Pcm) -> Iterator[Pcm]:
    for start in range(0, len(pcm) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        yield pcm[start : start + FRAME_SAMPLES]


class Caller:
    """Hears what is said, presses keys, speaks when it is recorded. Time is as fast as it can be."""

    def __init__(self, voice: FakeVoice, keys: Sequence[str], speaks: Sequence[Pcm]) -> None:
        self.line: Line
        self.interview: Interview
        self.gone = False
        self._voice = voice
        self._keys = iter(keys)
        self._speaks = iter(speaks)
        self._mouth: Iterator[Pcm] = iter(())
        self._listening: Listening | None = None

    @property
    def heard(self) -> list[str]:
        """The sentences, by name."""
        names = {text: one.value for table in TEXTS.values() for one, text in table.items()}
        return [names[text] for text, _ in self._voice.asked]

    def send(self, pcm: Pcm) -> bool:
        return True

    def mark(self, name: str) -> bool:
        asyncio.get_running_loop().call_soon(self.line.reached, name)
        return True

    async def live(self) -> None:
        asked = 0
        while not self.gone:
            self.line.tick(0.0)
            if self.heard.count("consent") > asked:
                asked += 1
                if key := next(self._keys, ""):
                    self.line.pressed(key)
            if self.line._listening is not self._listening:
                self._listening = self.line._listening
                if self._listening is not None:
                    self._mouth = frames(next(self._speaks, EMPTY))
            self.line.push(next(self._mouth, SILENCE))
            await asyncio.sleep(0)


class Rig:
    """A keeper of a folder, and callers to it."""

    def __init__(self, folder: Path) -> None:
        self.encoders = FakeEncoders()
        self.store = VoiceStore(Folder(folder / "voices"), "key")
        self.library = Library(self.store)
        self.keeper = Keeper(self.library, self.encoders)
        self.voice = FakeVoice(0.0, 0.1)

    def call(
        self,
        keys: Sequence[str] = "1",
        speaks: Sequence[Pcm] = (),
        number: str = NUMBER,
        language: str = "es",
        voice: Voice | None = None,
        hangs_up: Callable[[Caller], bool] = lambda _: False,
    ) -> tuple[Outcome | None, Caller]:
        """One enrolment to its end; None where the caller hung up."""

        async def main() -> tuple[Outcome | None, Caller]:
            self.voice.asked.clear()
            caller = Caller(self.voice, keys, speaks)
            caller.line = Line(caller, voice or self.voice, language)
            living = asyncio.create_task(caller.live())
            caller.interview = Interview(caller.line, self.keeper, number)
            asking = asyncio.create_task(caller.interview.run())
            while not asking.done() and not hangs_up(caller):
                await asyncio.sleep(0)
            asking.cancel()
            (outcome,) = await asyncio.gather(asking, return_exceptions=True)
            caller.gone = True
            await living
            return outcome if isinstance(outcome, Outcome) else None, caller

        return asyncio.run(main())
