"""Everything that a call needs, real, around one service: Asterisk, Triton or engines instead, two phones a call.

`Rig` has baresip's phones, which say a recording from the start of their call; `scene.Scene` has scripted ones. Leaving
it asserts what must hold at the end of every call of every test: conservation, and an empty Asterisk.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

import soxr

from asterisk.render import Extension
from controller.demo.script import Part, prompts, turns
from controller.engines import Engines
from controller.interpreting import CallWatcher
from controller.messages import Delivery, Outcome
from controller.observer import Observer
from controller.pbx.ari_events import CallStarted
from controller.pbx.call import Ended
from controller.pipeline.conversation import Conversation
from controller.service import Service, settle
from controller.settings import load
from controller.stack.asterisk import AsteriskServer
from controller.stack.phone import PCMU, Codec, SoftPhone
from controller.stack.ports import LOOPBACK
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.stack.wav import PHONE_RATE
from export.setup.cache import Cache
from tests.fakes.fake_observer import RecordingObserver

STEP_S = 20.0
"""How long a test waits for one thing to happen, on a machine that does much else."""


def short_turns(english: Sequence[str], spanish: Sequence[str]) -> tuple[Part, Part]:
    """Parts of A (English) and B (Spanish) from recorded prompts by name."""
    folder = Cache.default().prompts
    return turns(prompts(folder, "en", english), prompts(folder, "es", spanish))


class CallRecord:
    """One call as its watcher saw it."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.ended: Ended | None = None


class Watch(CallWatcher):
    """Keeps every call of a service, and wakes those who wait."""

    def __init__(self) -> None:
        self.calls: list[CallRecord] = []
        self.refusals: list[str] = []
        self._changed = asyncio.Event()

    def began(self, conversation: Conversation) -> None:
        self.calls.append(CallRecord(conversation))
        self._changed.set()

    def finished(self, conversation: Conversation, ended: Ended) -> None:
        next(call for call in self.calls if call.conversation is conversation).ended = ended
        self._changed.set()

    def refused(self, call: CallStarted, why: str) -> None:
        self.refusals.append(why)
        self._changed.set()

    async def up(self, count: int = 1) -> list[Conversation]:
        """Wait until `count` calls have begun."""
        await self._until(lambda: len(self.calls) >= count)
        return [call.conversation for call in self.calls]

    async def over(self, count: int = 1) -> list[Ended]:
        """Wait until `count` calls have ended."""
        await self._until(lambda: sum(call.ended is not None for call in self.calls) >= count)
        return [call.ended for call in self.calls if call.ended is not None]

    async def turned_away(self) -> str:
        """Wait until a call was refused; why it was."""
        await self._until(lambda: bool(self.refusals))
        return self.refusals[0]

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(STEP_S + 100):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


class Phone(Protocol):
    """What a stage asks of its phones."""

    @property
    def uri(self) -> str:
        """Its SIP address, once it is started."""

    def start(self) -> object: ...

    def stop(self) -> None: ...

    def dial(self, uri: str) -> None: ...


P = TypeVar("P", bound=Phone)


def interpreted(source: str, target: str) -> Extension:
    """The numbers that `extension_of` tells: a call to any phone of this machine whose name is b and a digit.

    In Asterisk's dialplan a pattern begins with an underscore, and each X stands for one digit.
    """
    return Extension("_9XXXXXX", source, target, f"PJSIP/phone/sip:b${{EXTEN:1:1}}@{LOOPBACK}:${{EXTEN:2}}")


def extension_of(phone: Phone) -> str:
    """What to dial for a phone: 9, the digit of its name, its port. A scripted phone answers to any name."""
    digit, port = phone.uri.removeprefix("sip:")[1:2], phone.uri.rpartition(":")[2]
    return f"9{digit if digit.isdigit() else 0}{port}"


class Stage(Generic[P]):
    """One service between callers and those whom they call: the Nth calls the Nth."""

    def __init__(
        self,
        callers: Sequence[P],
        callees: Sequence[P],
        *,
        asterisk: AsteriskServer | None = None,
        run: Run | None = None,
        triton: TritonServer | None = None,
        engines: Engines | None = None,
        languages: tuple[str, str] = ("en", "es"),
        settings: dict[str, dict[str, Any]] | None = None,
        extensions: Sequence[Extension] = (),
    ) -> None:
        """Nothing is started yet.

        Args:
            asterisk: the session's; None for one of its own, in `run`.
            triton: where the engines of the settings are; None where `engines` are given.
            engines: scripted ones, such as `fake_engines()`: no Triton is needed.
            languages: of callers and called; other than en and es need an Asterisk of its own.
            settings: more tables of settings.
            extensions: more of them.
        """
        assert (triton is None) != (engines is None), "it has either Triton or engines of its own"
        self.seen = RecordingObserver()
        self.watch = Watch()
        self.callers = list(callers)
        self.callees = list(callees)
        self._shared = asterisk is not None
        if asterisk is None:
            assert run is not None, "an Asterisk of its own needs a run"
            asterisk = AsteriskServer(run, extensions=[interpreted(*languages), *extensions])
        self.asterisk = asterisk
        self._triton = triton
        self._engines = engines
        self._more_settings = settings or {}
        self.service: Service
        self.asterisk_survives = True
        self.tolerated = 0.01
        """The share of a leg's frames that may be lost, in either direction."""

    async def __aenter__(self) -> Self:
        if not self._shared:
            await asyncio.to_thread(self.asterisk.start)
        await asyncio.gather(*(asyncio.to_thread(phone.start) for phone in (*self.callers, *self.callees)))
        tables: dict[str, dict[str, Any]] = {
            "asterisk": {
                "url": self.asterisk.ari_url.rstrip("/"),
                "user": self.asterisk.ari_user,
                "password": self.asterisk.ari_password,
            },
        }
        if self._triton is not None:
            patience = {"stt_deadline_s": 20, "mt_deadline_s": 20, "first_chunk_s": 20}
            tables["triton"] = {"grpc": self._triton.addresses.grpc, **patience}
        for name, table in self._more_settings.items():
            tables[name] = {**tables.get(name, {}), **table}
        self.service = Service(
            load(None, **tables), observers=self._observers(), watcher=self.watch, api=False, engines=self._engines
        )
        await self.service.start()
        settle()  # as `dragoman serve` does: what a thousand tests leave behind takes a collection 0.2 s
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.service.stop()
        gc.unfreeze()
        try:
            if kind is None:
                self._check()
        finally:
            for phone in (*self.callers, *self.callees):
                await asyncio.to_thread(phone.stop)
            if not self._shared:
                await asyncio.to_thread(self.asterisk.stop)

    def _observers(self) -> list[Observer]:
        return [self.seen]

    def dial(self, number: int = 1) -> None:
        """The Nth caller calls the Nth of those who are called."""
        self.callers[number - 1].dial(self.asterisk.sip_uri(extension_of(self.callees[number - 1])))

    async def delivered(self, count: int = 1) -> list[Delivery]:
        """Wait until `count` deliveries have ended."""
        async with asyncio.timeout(STEP_S + 60):
            while len(self.seen.deliveries) < count:
                await asyncio.sleep(0.05)
        return self.seen.deliveries

    async def playing(self) -> None:
        """Wait until someone hears a translation."""
        async with asyncio.timeout(STEP_S + 60):
            while not any(
                leg.playback.sounding for call in self.watch.calls for leg in call.conversation.legs.values()
            ):
                await asyncio.sleep(0.02)

    def _check(self) -> None:
        opened = 0
        for call in self.watch.calls:
            balance = call.conversation.balance
            opened += balance.opened
            assert balance.open == 0
            assert not call.conversation.legs, "a leg never left"
            for leg in call.conversation.gone:
                if self.asterisk_survives:
                    assert leg.frames_out_dropped <= self.tolerated * leg.frames_out + 3
                lost = sum(leg.dropped.get(reason, 0) for reason in ("overflow", "late", "asr"))
                assert lost <= self.tolerated * leg.arrived + 3, leg.dropped
        assert len(self.seen.deliveries) == opened
        assert len({(id(d.clause), d.listener) for d in self.seen.deliveries}) == opened
        if self.asterisk_survives:
            assert self.asterisk.channels() == []
            assert self.asterisk.bridges() == []


class Rig(Stage[SoftPhone]):
    """`async with Rig(run, triton, [(part_a, part_b)]) as rig: ...`"""

    def __init__(
        self,
        run: Run,
        triton: TritonServer | None,
        parts: Sequence[tuple[Part, Part]],
        *,
        asterisk: AsteriskServer | None = None,
        languages: tuple[str, str] = ("en", "es"),
        answers: bool = True,
        codec: Codec = PCMU,
        limit: int = 50,
        engines: Engines | None = None,
        settings: dict[str, dict[str, Any]] | None = None,
        extensions: Sequence[Extension] = (),
    ) -> None:
        """Nothing is started yet.

        Args:
            parts: of callers and called.
            answers: whether called phones answer at once, or ring until `answer`.
            codec: what all of them speak.
        """
        assert len(parts) <= 9, "a called phone is known by one digit"

        def phone(name: str, part: Part, answers: bool = False) -> SoftPhone:
            speaks = part.pcm
            if codec.rate != PHONE_RATE:
                speaks = soxr.resample(speaks, PHONE_RATE, codec.rate)
            return SoftPhone(run, name, speaks, codec=codec, auto_answer=answers)

        more = settings or {}
        super().__init__(
            [phone(f"a{number}", a) for number, (a, _) in enumerate(parts, 1)],
            [phone(f"b{number}", b, answers) for number, (_, b) in enumerate(parts, 1)],
            asterisk=asterisk,
            run=run,
            triton=triton,
            engines=engines,
            languages=languages,
            extensions=extensions,
            settings={**more, "calls": {"limit": limit, **more.get("calls", {})}},
        )


def played(deliveries: Sequence[Delivery], listener: str) -> list[Delivery]:
    """What `listener` heard to the end."""
    return [one for one in deliveries if one.listener == listener and one.outcome is Outcome.PLAYED]
