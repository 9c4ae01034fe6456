"""Whatever engines that have others behind them do in a call: every delivery ends once, and nobody hears a clause
twice. The call itself is that of test_any_call."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.engines import Engines
from controller.engines.tts.timbre import Timbre
from controller.errors import EngineBarred, EngineError, EngineRejected, EngineUnavailable
from controller.flight.recording import Recording
from controller.messages import Outcome, Reason, Span, SpeechChunk
from controller.recovery.breaker import Limits
from controller.virtual_time import run
from tests.fakes.fake_chain import recogniser, translator, voice
from tests.fakes.fake_engines import FakeRecogniser, FakeStream, FakeTranslator, FakeVoice
from tests.quiet import quiet
from tests.unit.test_any_call import (
    MOST,
    AnyCall,
    action,
    any_call,
    deliveries_are_right,
    frames_are_right,
    nothing_overlaps,
)

MOODS = ("fine", "fails", "hangs", "slow", "barred", "rejects", "breaks off", "stops")


def trouble(mood: str, engine: str) -> EngineError | None:
    kind = {"fails": EngineUnavailable, "barred": EngineBarred, "rejects": EngineRejected}.get(mood)
    return kind("It is told to fail.", engine=engine) if kind else None


async def hesitate(mood: str) -> None:
    """As long as it takes to begin in that mood."""
    if mood == "hangs":
        await asyncio.get_running_loop().create_future()
    if mood == "slow":
        await asyncio.sleep(1.7003)


class FrailRecogniser(FakeRecogniser):
    def __init__(self, name: str, delay_s: float) -> None:
        super().__init__(delay_s, draft=str)
        self.name = name
        self.mood = "fine"

    def open(self, speaker: str, language: str, now: Callable[[], float]) -> FakeStream:
        self.streams.append(FrailStream(self, speaker))
        return self.streams[-1]


class FrailStream(FakeStream):
    def __init__(self, engine: FrailRecogniser, speaker: str) -> None:
        super().__init__(engine, speaker)
        self._frail = engine

    def _text(self) -> str | EngineError:
        return trouble(self._frail.mood, self._frail.name) or super()._text()

    async def _hear(self, span: Span) -> None:
        await hesitate(self._frail.mood)
        await super()._hear(span)


class FrailTranslator(FakeTranslator):
    def __init__(self, name: str, delay_s: float) -> None:
        super().__init__(delay_s)
        self.name = name
        self.mood = "fine"

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        await hesitate(self.mood)
        if error := trouble(self.mood, self.name):
            raise error
        return await super().translate(text, source, target, context)


class FrailVoice(FakeVoice):
    """Speaks each time at another level; all voices of a call share the levels."""

    def __init__(self, name: str, delay_s: float, said: dict[int, str]) -> None:
        super().__init__(delay_s, seconds=0.8)
        self.name = name
        self.mood = "fine"
        self.said = said
        """Text by level; empty for a sound that stopped at once."""

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        level = 1000 + len(self.said)
        self.said[level] = text
        await hesitate(self.mood)
        if error := trouble(self.mood, self.name):
            raise error
        chunk = np.full(round(3200 / speed), level, np.int16)
        await asyncio.sleep(self.delay_s)
        for number in range(4):
            if number == 2 and self.mood == "breaks off":
                raise EngineUnavailable("It breaks off.", engine=self.name)
            if number == 1 and self.mood == "stops":
                self.said[level] = ""  # within its first word, which is said again with the rest
                await asyncio.sleep(2.0)
                raise EngineUnavailable("It stopped.", engine=self.name)
            yield SpeechChunk(chunk, last=number == 3)


class FrailEngines:
    """Two of each kind; the last of each always comes back from where it hangs, as engines with a deadline do."""

    def __init__(self) -> None:
        self.said: dict[int, str] = {}
        self.stt = [FrailRecogniser("cloud-stt", 0.1013), FrailRecogniser("local-stt", 0.2017)]
        self.mt = [FrailTranslator("cloud-mt", 0.1007), FrailTranslator("local-mt", 0.0509)]
        self.tts = [FrailVoice("cloud-tts", 0.3003, self.said), FrailVoice("local-tts", 0.1019, self.said)]

    def feel(self, how: str) -> None:
        """`how`: the kind (or all), which one, and the mood."""
        kind, which, mood = how.split("/")
        if which == "1" and mood == "hangs":
            mood = "slow"
        for name in ("stt", "mt", "tts") if kind == "all" else (kind,):
            one: FrailRecogniser | FrailTranslator | FrailVoice = getattr(self, name)[int(which)]
            one.mood = mood

    def engines(self) -> Engines:
        limits = Limits(slow_s=1.0, open_s=1.5, barred_s=3.0)
        return Engines(
            recogniser(*self.stt, limits=limits), translator(*self.mt, limits=limits), voice(*self.tts, limits=limits)
        )


class FrailCall(AnyCall):
    """A call with such engines."""

    def __init__(self, make_recording: Callable[[Engines], Recording]) -> None:
        self.frail = FrailEngines()
        super().__init__(make_recording)

    def make_engines(self) -> Engines:
        return self.frail.engines()

    async def happens(self, kind: str, who: int, how: str) -> None:
        if kind == "feel":
            self.frail.feel(how)
        elif kind == "engines":  # the end: they are well again
            for which in "01":
                self.frail.feel(f"all/{which}/fine")
        else:
            await super().happens(kind, who, how)


HOWS = [f"{kind}/{which}/{mood}" for kind in ("stt", "mt", "tts", "all") for which in "01" for mood in MOODS]
ACTIONS = st.one_of(
    action("feel", *HOWS),
    action("feel", *HOWS),
    action("feel", *HOWS),
    action("join", "en", "es", "fr"),
    action("leave"),
    action("press", "1", "2"),
)
SCRIPTS = st.lists(st.tuples(st.integers(1, 12), ACTIONS), min_size=16, max_size=24)


def each_clause_is_heard_once(call: FrailCall) -> None:
    """By the level of its sound: no more sounds of a text than clauses that have it."""
    for phone in call.phones:
        due = Counter(one.target for one in call.seen.deliveries if one.listener == phone.leg.name)
        heard = Counter(call.frail.said[level] for level in set(phone.ears.levels))
        for text, count in heard.items():
            if ": heard" in text:
                assert count <= due[text], f"{phone.leg.name} heard {text!r} {count} times, of {due[text]}"


@settings(max_examples=40)
@given(SCRIPTS)
def test_whatever_engines_do_each_clause_is_heard_once(script: list[tuple[int, tuple[str, int, str]]]) -> None:
    with quiet("controller.pipeline.conversation"):
        call = run(any_call(script, make=FrailCall))
    assert isinstance(call, FrailCall)
    deliveries_are_right(call)
    each_clause_is_heard_once(call)
    for phone in call.phones:
        frames_are_right(phone, call.consumed[phone.leg.name])
        nothing_overlaps(phone, call.seen.deliveries, pieces=2)  # where a voice breaks off another says the rest


FIRST = st.lists(
    st.tuples(
        st.integers(1, 12),
        action("feel", *(how for how in HOWS if "/0/" in how and "off" not in how and "stops" not in how)),
    ),
    min_size=16,
    max_size=24,
)


@settings(max_examples=25)
@given(FIRST)
def test_whatever_the_first_of_each_kind_does_nothing_is_lost(script: list[tuple[int, tuple[str, int, str]]]) -> None:
    with quiet("controller.pipeline.conversation"):
        call = run(any_call(script, make=FrailCall))
    lost = [one.reason for one in call.seen.deliveries if one.outcome is Outcome.DROPPED]
    assert Reason.ENGINE_FAILED not in lost
    assert not [error for _, error in call.seen.failures]
    assert len(call.phones) <= MOST
