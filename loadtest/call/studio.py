"""A real Triton, a real Asterisk, and two soft phones a call: calls are made as planned, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final

import soxr

from asterisk.render import TEMPLATES, Extension
from controller.engines import Engines
from controller.engines.registry import make_all
from controller.engines.tts import Voice
from controller.errors import StackError
from controller.frames import Pcm
from controller.interpreting import CallWatcher
from controller.pbx.ari_events import CallStarted
from controller.pbx.call import Ended
from controller.pipeline.conversation import Conversation
from controller.service import Service
from controller.settings import Settings, load
from controller.stack.asterisk import AsteriskServer
from controller.stack.phone import PCMU, Codec, SoftPhone
from controller.stack.process import Run
from controller.stack.triton import TritonServer
from controller.stack.wav import PHONE_RATE
from controller.triton.client import TritonClient
from loadtest.call import wire
from loadtest.call.plan import CallPlan
from loadtest.call.taken import KeptVoice, Taken

MODELS: Final = ("whisper", "apertium", "pico")
CONNECT_S: Final = 20.0
SLACK_S: Final = 30.0
"""How much longer than its recordings a call may take before it counts as stuck."""

MakeEngines = Callable[[Taken], Engines]
"""Gives a call engines of its own; they must keep what is spoken with the call (`KeptVoice`)."""


class Studio:
    """Up between `__aenter__` and `__aexit__`; it has its own ports, and leaves nothing behind."""

    def __init__(
        self, run: Run, repository: Path, plans: list[CallPlan], line: Codec = PCMU, *, phrasebook: bool = True
    ) -> None:
        """
        Args:
            line: what the phones speak on the wire.
            phrasebook: whether the translator knows set phrases by heart.
        """
        self._run = run
        self._line = line
        self._phrasebook = phrasebook
        self._plans = plans
        self.triton = TritonServer(run, repository, models=MODELS)
        self._callees = {plan.name: self._phone(plan, "b") for plan in plans}
        self.asterisk: AsteriskServer
        self.client: TritonClient

    async def __aenter__(self) -> Studio:
        await asyncio.to_thread(self.triton.start)
        self.client = TritonClient(self.triton.addresses.grpc)
        for phone in self._callees.values():
            await asyncio.to_thread(phone.start)
        extensions = [
            Extension(
                str(200 + number),
                plan.tracks["a"].language,
                plan.tracks["b"].language,
                f"PJSIP/phone/{self._callees[plan.name].uri}",
            )
            for number, plan in enumerate(self._plans)
        ]
        templates = wire.configure(TEMPLATES, self._run.folder / "templates")
        self.asterisk = AsteriskServer(self._run, extensions=extensions, templates=templates)
        await asyncio.to_thread(self.asterisk.start)
        await asyncio.to_thread(self.asterisk.cli, wire.TURN_ON)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.close()

    @property
    def versions(self) -> dict[str, str]:
        """Of the engines and the servers, for the report."""
        engines = self.settings().engines
        return {
            "stt": engines.stt,
            "mt": engines.mt,
            "tts": engines.tts,
            "triton": self.triton.version,
            "asterisk": self.asterisk.version,
        }

    def settings(self) -> Settings:
        return load(
            asterisk={
                "url": self.asterisk.ari_url.rstrip("/"),
                "user": self.asterisk.ari_user,
                "password": self.asterisk.ari_password,
            },
            triton={"grpc": self.triton.addresses.grpc},
            engines={} if self._phrasebook else {"options": {"apertium": {"phrasebook": False}}},
        )

    def offline(self, taken: Taken) -> Engines:
        """The engines that the settings name."""
        real = self._real()
        return Engines(real.stt, real.mt, KeptVoice(real.tts, taken))

    def voice(self) -> Voice:
        """The one that the settings name."""
        return self._real().tts

    def _real(self) -> Engines:
        settings = self.settings()
        return make_all(settings.engines, self.client, settings.triton)

    async def call(self, plan: CallPlan, engines: MakeEngines) -> Taken:
        """One call from dialling to hanging up.

        Raises:
            StackError: it did not come about, or got stuck.
        """
        taken = Taken(plan)
        watch = _Watch(taken)
        service = Service(
            self.settings(), observers=[taken], watcher=watch, tap=taken.tap, api=False, engines=engines(taken)
        )
        caller, callee = self._phone(plan, "a"), self._callees[plan.name]
        await asyncio.to_thread(caller.start)
        ports = {"a": caller.rtp_ports, "b": callee.rtp_ports}
        log = self.asterisk.folder / "state" / "log" / wire.LOG
        begin = log.stat().st_size if log.is_file() else 0
        try:
            await service.start()
            caller.dial(self.asterisk.sip_uri(str(200 + self._plans.index(plan))))
            await asyncio.wait_for(watch.up, CONNECT_S)
            taken.ended = (await asyncio.wait_for(watch.over, plan.seconds + SLACK_S)).by
        except TimeoutError as error:
            raise StackError(f"The call {plan.name} got stuck; see the logs in {self._run.folder}.") from error
        finally:
            await service.stop()
            await asyncio.to_thread(caller.stop)
            await asyncio.to_thread(callee.stop)
        for leg, phone in (("a", caller), ("b", callee)):
            taken.recordings[leg] = phone.heard()
            taken.heard[leg] = _at(PHONE_RATE, taken.recordings[leg], self._line.rate)
            taken.wires[leg] = await asyncio.to_thread(wire.read, log, begin, ports[leg])
        return taken

    def _phone(self, plan: CallPlan, leg: str) -> SoftPhone:
        speaks = _at(self._line.rate, plan.tracks[leg].pcm, PHONE_RATE)
        return SoftPhone(self._run, f"{plan.name}-{leg}", speaks, codec=self._line, auto_answer=leg == "b")


class _Watch(CallWatcher):
    def __init__(self, taken: Taken) -> None:
        loop = asyncio.get_running_loop()
        self._taken = taken
        self.up: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[Ended] = loop.create_future()

    def began(self, conversation: Conversation) -> None:
        self._taken.conversation = conversation
        self.up.set_result(None)

    def finished(self, conversation: Conversation, ended: Ended) -> None:
        self.over.set_result(ended)

    def refused(self, call: CallStarted, why: str) -> None:
        if not self.up.done():
            self.up.set_exception(StackError(f"The call did not come about: {why}"))


def _at(rate: int, pcm: Pcm, of: int) -> Pcm:
    """`pcm` of one rate at another; at its own it stays as it is, which no resampler grants."""
    return pcm if rate == of else soxr.resample(pcm, of, rate, quality="HQ")
