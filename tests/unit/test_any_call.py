"""Whatever people, channels and engines do in a call: every delivery ends once, every frame is accounted for, and no
two translations overlap for one listener."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.audio.mix import Ducker
from controller.audio.vad import Endpointer
from controller.engines import Engines
from controller.engines.tts.timbre import Timbre
from controller.errors import EngineUnavailable
from controller.flight.recording import Recording
from controller.frames import FRAME_S, SILENCE, AudioFrame, Pcm
from controller.messages import Delivery, Outcome, Reason, SpeechChunk
from controller.observer import Observers
from controller.pipeline.conversation import Conversation, SpeechSettings
from controller.pipeline.leg import Leg
from controller.ticker import Ticker
from controller.virtual_time import run
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator, FakeVoice
from tests.fakes.fake_observer import RecordingObserver
from tests.fakes.fake_phone import LoudDetector, tone_frame
from tests.quiet import quiet

MOST = 5
"""Participants in a call, those who have left included."""

SETTLE_S = 15
"""Within which all that was said is heard or given up."""

Action = tuple[str, int, str]
"""What happens, to which participant, how."""

CHANNEL = ("fine", "refuses", "loses marks", "late marks", "refuses marks")
ENGINES = ("fine", "mt fails", "mt crashes", "tts fails", "tts breaks off", "tts is slow")
DIGITS = ("*", "1", "2", "3", "0", "#", "7")


def action(kind: str, *how: str) -> st.SearchStrategy[Action]:
    return st.tuples(st.just(kind), st.integers(0, MOST - 1), st.sampled_from(how or ("",)))


ACTIONS = st.one_of(
    action("press", "1", "2", "3", "0", "#"),
    action("digit", *DIGITS),
    action("channel", *CHANNEL),
    action("engines", *ENGINES),
    action("hold"),
    action("join", "en", "es", "fr"),
    action("leave"),
)

SCRIPTS = st.lists(st.tuples(st.integers(1, 8), ACTIONS), min_size=20, max_size=24)
"""Tenths of a second to wait, then what happens."""


SPEECH = SpeechSettings(lambda: Endpointer(LoudDetector(), endpoint_ms=300, pause_ms=100), Ducker)


class HeardTranslations(Ducker):
    """Keeps which translation was mixed in and taken by the channel, by the level of its voice."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: list[int] = []
        self._mixed: int | None = None

    def taken(self) -> None:
        """The channel took what was mixed last. What it refuses nobody hears: something else may go before the rest."""
        if self._mixed is not None:
            self.levels.append(self._mixed)

    def mix(
        self, originals: Sequence[Pcm], translation: Pcm | None, *, ducked: bool, beside: Sequence[Pcm] = ()
    ) -> Pcm:
        known = translation is not None and translation.min() == translation.max()  # no tone, no padded last frame
        self._mixed = int(translation[0]) if known and translation is not None else None
        return super().mix(originals, translation, ducked=ducked, beside=beside)


class MoodyTranslator(FakeTranslator):
    mood = "fine"

    async def translate(self, text: str, source: str, target: str, context: Sequence[str]) -> str:
        self.failing = self.mood == "mt fails"
        if self.mood == "mt crashes":
            raise KeyError("a bug")
        return await super().translate(text, source, target, context)


class MoodyVoice(FakeVoice):
    """Speaks each time at another level."""

    mood = "fine"

    async def synthesize(
        self, text: str, language: str, *, speed: float = 1.0, timbre: Timbre | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        self.level += 1
        level = self.level
        if self.mood == "tts fails":
            raise EngineUnavailable("The voice is told to fail.", engine=self.name)
        self.fail_at_chunk = 2 if self.mood == "tts breaks off" else None
        self.gap_s = 0.3 if self.mood == "tts is slow" else 0.0
        async for chunk in super().synthesize(text, language, speed=speed, timbre=timbre):
            yield SpeechChunk(np.where(chunk.pcm != 0, level, 0).astype(np.int16), chunk.last)


class AnyPhone:
    """A participant whose channel may refuse frames or marks, or lose or delay marks."""

    def __init__(
        self,
        conversation: Conversation,
        name: str,
        language: str,
        recording: Recording,
        ears: list[HeardTranslations],
    ) -> None:
        """`ears`: of everyone; the latest are those that the conversation makes for this one."""
        self.channel = "fine"
        self.speaks = True
        """0.6 s in every 2.4 s, one after the other, with some overlap."""
        self.on_hold = False
        self.repeats = 0
        self.leg: Leg = conversation.join(name, language, recording.outlet(name, self))
        self.ears = ears[-1]
        self.wire = recording.leg(self.leg)
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._talk())

    def send(self, pcm: Pcm) -> bool:
        if self.channel == "refuses":
            return False
        self.ears.taken()
        return True

    def mark(self, name: str) -> bool:
        if self.channel != "loses marks":
            self._loop.call_later(1.0 if self.channel == "late marks" else 2 * FRAME_S, self.wire.reached, name)
        return self.channel != "refuses marks"

    def hang_up(self) -> None:
        self._task.cancel()

    async def _talk(self) -> None:
        phase = 35 * int(self.leg.name[1:])
        for frame in itertools.count(phase):
            self.wire.push(tone_frame() if self.speaks and frame % 120 < 30 else SILENCE)
            await asyncio.sleep(FRAME_S)


class AnyCall:
    """A call that goes by a script."""

    def __init__(self, make_recording: Callable[[Engines], Recording]) -> None:
        self.seen = RecordingObserver()
        # No two things at the very same moment: which comes first is then chance, and nothing that a call decides by.
        self.mt, self.tts = MoodyTranslator(0.1007), MoodyVoice(0.3003, seconds=0.8, level=1000)
        self.ears: list[HeardTranslations] = []
        engines = self.make_engines()
        self.recording = recording = make_recording(engines)
        self.ticker = Ticker()
        self.conversation = Conversation(
            "call",
            recording.engines(engines),
            replace(SPEECH, make_ducker=self._ears),
            recording.ticker(self.ticker),
            Observers([self.seen, recording]),
            self._tap,
        )
        recording.began(self.conversation)
        self.consumed: Counter[str] = Counter()
        self.phones: list[AnyPhone] = []

    def make_engines(self) -> Engines:
        return Engines(FakeRecogniser(delay_s=0.1013, draft=str), self.mt, self.tts)

    def _ears(self) -> HeardTranslations:
        self.ears.append(HeardTranslations())
        return self.ears[-1]

    def _tap(self, name: str, frame: AudioFrame) -> None:
        self.consumed[name] += 1

    def join(self, language: str) -> None:
        if len(self.phones) < MOST:
            name = f"p{len(self.phones)}"
            self.phones.append(AnyPhone(self.conversation, name, language, self.recording, self.ears))

    async def happens(self, kind: str, who: int, how: str) -> None:
        phone = self.phones[who % len(self.phones)]
        match kind:
            case "join":
                self.join(how)
            case "leave" if len(self.conversation.legs) > 2:
                phone.hang_up()
                await self.conversation.leave(phone.leg.name)
            case "hold":
                phone.on_hold = not phone.on_hold
                phone.wire.held(phone.on_hold)
            case "press":
                phone.repeats += how == "1"
                phone.wire.pressed("*")
                phone.wire.pressed(how)
            case "digit":
                phone.repeats += how == "1"
                phone.wire.pressed(how)
            case "channel":
                phone.channel = how
            case "engines":
                self.mt.mood = self.tts.mood = how

    async def end(self) -> None:
        """Once nobody speaks or is on hold and the engines work, nothing stays open: it is not the end that ends it."""
        await self.happens("engines", 0, "fine")
        for phone in self.phones:
            phone.speaks = False
            phone.wire.held(False)
        await asyncio.sleep(2)
        for _ in range(SETTLE_S):
            if self.conversation.balance.open:
                await asyncio.sleep(1)
        assert self.conversation.balance.open == 0
        for phone in self.phones:
            phone.hang_up()
        assert (await self.conversation.close()).open == 0


async def any_call(
    script: list[tuple[int, Action]],
    make_recording: Callable[[Engines], Recording] = lambda engines: Recording(),
    make: Callable[[Callable[[Engines], Recording]], AnyCall] = AnyCall,
) -> AnyCall:
    call = make(make_recording)
    ticking = asyncio.create_task(call.ticker.run())
    for language in ("en", "es", "es"):
        call.join(language)
    for tenths, what in script:
        await asyncio.sleep(tenths / 10 + 0.0019)
        await call.happens(*what)
    await call.end()
    ticking.cancel()
    return call


def deliveries_are_right(call: AnyCall) -> None:
    deliveries, balance = call.seen.deliveries, call.conversation.balance
    assert len(deliveries) == balance.opened == balance.played + balance.dropped.total()
    assert len({(one.clause.id, one.listener) for one in deliveries}) == balance.opened
    for one in deliveries:
        assert (one.outcome is Outcome.PLAYED) == (one.reason is None)
        assert one.reason is not Reason.TOO_SHORT
        if one.outcome is Outcome.PLAYED:
            assert one.first_s is not None and one.last_s is not None
            assert one.first_s <= one.last_s
            assert one.ear_s is None or one.ear_s > one.first_s


def frames_are_right(phone: AnyPhone, consumed: int) -> None:
    capture = phone.leg.orchestrator.capture
    lost = capture.dropped["late"] + capture.dropped["overflow"]
    assert capture.arrived + capture.filled == consumed + lost + len(capture.input)


def nothing_overlaps(phone: AnyPhone, deliveries: list[Delivery], pieces: int = 1) -> None:
    """`pieces`: in so many a clause may be spoken, each in a sound of its own; a repetition of it has as many."""
    runs = [level for level, _ in itertools.groupby(phone.ears.levels)]
    again = len(runs) - len(set(runs))
    assert again <= pieces * phone.repeats, f"interleaved: {runs}"
    played = [one for one in deliveries if one.listener == phone.leg.name and one.outcome is Outcome.PLAYED]
    for one, following in itertools.pairwise(sorted(played, key=lambda one: one.first_s or 0)):
        assert (one.last_s or 0) < (following.first_s or 0)


@settings(max_examples=40)
@given(SCRIPTS)
def test_whatever_happens_in_a_call(script: list[tuple[int, Action]]) -> None:
    with quiet("controller.pipeline.conversation"):
        call = run(any_call(script))
    deliveries_are_right(call)
    for phone in call.phones:
        frames_are_right(phone, call.consumed[phone.leg.name])
        nothing_overlaps(phone, call.seen.deliveries)
