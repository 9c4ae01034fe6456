"""Calls between scripted phones around one service, each known from the moment it was dialled."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from controller.audio.levels import dbfs
from controller.demo.script import prompts
from controller.engines import Engines
from controller.errors import EngineError
from controller.frames import Pcm
from controller.messages import Clause, Delivery, Outcome
from controller.observer import Observer
from controller.pipeline.conversation import Conversation
from controller.pipeline.leg import Leg, LegFigures
from controller.stack.asterisk import AsteriskServer
from controller.stack.triton import TritonServer
from export.setup.cache import Cache
from tests.fakes.clip_voice import CLIP_S, ClipVoice, clip
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator
from tests.fakes.fake_observer import RecordingObserver
from tests.fakes.sip_phone import SipPhone
from tests.fakes.sounds import RATE, likeness, speech_like
from tests.scenarios.rig import STEP_S, CallRecord, Stage

AROUND_S = 0.5
"""How far from where it should be a sound is looked for."""

FRAME = RATE // 50

LOST_MOST = 0.03
"""The share of frames sent that may not have come as packets: those under way when a call ends."""

QUIETER_DB = 25
"""A frame so much quieter than the loudest is silence."""


def clip_engines() -> Engines:
    """Scripted engines whose voice can be found again in what was heard."""
    return Engines(FakeRecogniser(), FakeTranslator(), ClipVoice())


def sentence(name: str, language: str = "en") -> Pcm:
    """A recorded prompt without its silences, so that it is one clause whatever the pauses in it."""
    ((_, pcm),) = prompts(Cache.default().prompts, language, [name])
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)
    levels = np.array([dbfs(frame) for frame in frames])
    kept: Pcm = frames[levels > levels.max() - QUIETER_DB].reshape(-1)
    return kept


class PerCall(Observer):
    """What the pipeline tells, call by call."""

    def __init__(self) -> None:
        self.by: defaultdict[str, RecordingObserver] = defaultdict(RecordingObserver)

    def clause(self, call: str, clause: Clause) -> None:
        self.by[call].clause(call, clause)

    def delivered(self, call: str, delivery: Delivery) -> None:
        self.by[call].delivered(call, delivery)

    def engine_failed(self, call: str, kind: str, error: EngineError) -> None:
        self.by[call].engine_failed(call, kind, error)


class Talk:
    """One call of a scene: its phones, what the pipeline told of it, and where on a phone's recording things are."""

    def __init__(self, caller: SipPhone, callee: SipPhone, record: CallRecord, seen: RecordingObserver) -> None:
        self.phones = {"a": caller, "b": callee}
        self.record = record
        self.seen = seen
        self._began = asyncio.get_running_loop().time() - record.conversation.now()

    @property
    def conversation(self) -> Conversation:
        return self.record.conversation

    def leg(self, name: str) -> Leg:
        """One that is in the call."""
        return self.conversation.legs[name]

    def figures(self, name: str) -> LegFigures:
        """Of a leg; also of one that has left."""
        here = [leg.figures() for leg in self.conversation.legs.values()]
        return next(leg for leg in (*here, *self.conversation.gone) if leg.name == name)

    def clauses(self, speaker: str) -> list[Clause]:
        return [one for one in self.seen.clauses if one.speaker == speaker]

    def played(self, listener: str) -> list[Delivery]:
        return [one for one in self.seen.deliveries if one.listener == listener and one.outcome is Outcome.PLAYED]

    async def delivered(self, listener: str, count: int, timeout_s: float = STEP_S) -> None:
        """Wait until `count` deliveries to `listener` were played."""
        async with asyncio.timeout(timeout_s):
            while len(self.played(listener)) < count:
                await asyncio.sleep(0.05)

    def heard(self, name: str, start_s: float, end_s: float) -> Pcm:
        """What a phone heard between two moments on the call's clock."""
        return self._cut(name, self.phones[name].heard(), start_s, end_s)

    def said(self, name: str, start_s: float, end_s: float) -> Pcm:
        """What a phone sent between two moments on the call's clock."""
        return self._cut(name, self.phones[name].said(), start_s, end_s)

    def assert_translation_heard(self, delivery: Delivery) -> None:
        """Its clip is in the listener's recording, about when it was played."""
        assert delivery.target is not None and delivery.ear_s is not None, delivery
        self.assert_heard(delivery.listener, delivery.target, delivery.ear_s, delivery.ear_s + CLIP_S)

    def assert_heard(self, name: str, text: str, start_s: float, end_s: float) -> None:
        """What `ClipVoice` says for `text` is in a phone's recording about there, on the call's clock."""
        heard = self.heard(name, start_s - AROUND_S, end_s + AROUND_S)
        found = likeness(clip(text), heard, piece_s=0.1)
        assert found > 0.6, f"{name} did not hear {text!r}: {found:.2f}"

    def assert_flows(self, name: str) -> None:
        """A phone heard all that the service sent it, silence too: a packet for every frame.

        How many frames that is, on a machine that does much else, is not this test's business.
        """
        assert self.phones[name].stream.packets_in > (1 - LOST_MOST) * self.figures(name).frames_out, name

    def on_call_s(self, name: str, phone_s: float) -> float:
        """The moment on the call's clock at which a phone's own stands at `phone_s` (see `SipPhone.say`)."""
        return phone_s - self._offset_s(name)

    def level(self, name: str, start_s: float, end_s: float) -> float:
        """dBFS of what a phone heard."""
        return dbfs(self.heard(name, start_s, end_s))

    def _cut(self, name: str, recording: Pcm, start_s: float, end_s: float) -> Pcm:
        offset = self._offset_s(name)
        return recording[max(0, round((start_s + offset) * RATE)) : max(0, round((end_s + offset) * RATE))]

    def _offset_s(self, name: str) -> float:
        return self._began - self.phones[name].stream.began

    async def hang_up(self, name: str = "a") -> None:
        self.phones[name].hang_up()
        async with asyncio.timeout(STEP_S):
            while self.record.ended is None:
                await asyncio.sleep(0.02)


class Scene(Stage[SipPhone]):
    """`async with Scene(asterisk, [(a, b)], engines=clip_engines()) as scene: talk = await scene.call()`"""

    def __init__(
        self,
        asterisk: AsteriskServer,
        pairs: Sequence[tuple[SipPhone, SipPhone]],
        *,
        triton: TritonServer | None = None,
        engines: Engines | None = None,
        settings: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(
            [a for a, _ in pairs],
            [b for _, b in pairs],
            asterisk=asterisk,
            triton=triton,
            engines=engines,
            settings=settings,
        )
        self._per_call = PerCall()
        self._called = 0

    async def call(self) -> Talk:
        """The next caller calls; returns when the call is interpreted."""
        self.dial(self._called + 1)
        return await self.talk()

    async def talk(self) -> Talk:
        """The same, where they are connected already or somebody else dials for them."""
        self._called += 1
        await self.watch.up(self._called)
        record = self.watch.calls[-1]
        phones = self.callers[self._called - 1], self.callees[self._called - 1]
        return Talk(*phones, record, self._per_call.by[record.conversation.call])

    def _observers(self) -> list[Observer]:
        return [*super()._observers(), self._per_call]


async def speak(talks: list[Talk], *, count: int) -> None:
    """Everyone says something; wait until everyone has heard `count` translations."""
    for seed, talk in enumerate(talks):
        for name in ("a", "b"):
            talk.phones[name].say(speech_like(2, seed=100 * count + 10 * seed + ord(name)))
    for talk in talks:
        for name in ("a", "b"):
            await talk.delivered(name, count)
