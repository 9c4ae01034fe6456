"""One call whose engines are stand-ins of those that one pays for, with the offline ones behind them, by the settings.

Deepgram's really hears and DeepL's really translates, by the offline models. Any of them may freeze while A speaks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import numpy as np

from controller.audio.levels import dbfs
from controller.demo.script import prompts, voiced_span
from controller.engines.fallback import Chain
from controller.engines.registry import make_all
from controller.engines.tts import Voice
from controller.frames import Pcm
from controller.messages import Clause, Delivery
from controller.settings import EngineSettings, FallbackSettings, TritonSettings
from controller.stack.asterisk import AsteriskServer
from controller.stack.triton import TritonServer
from controller.telemetry import wer
from controller.telemetry.metrics import Registry
from controller.text import fold
from controller.triton.client import TritonClient
from controller.triton.contracts import translate
from export.setup.cache import Cache
from tests.fakes.fake_deepgram import FakeDeepgram, WhisperEars, serve
from tests.fakes.fake_deepl import FakeDeepL, fake_deepl
from tests.fakes.freezing_voice import NAME, FreezingVoice
from tests.fakes.sip_phone import SipPhone
from tests.fakes.sounds import RATE
from tests.scenarios.frozen.heard import Heard, KeptVoice, listen
from tests.scenarios.rig import STEP_S
from tests.scenarios.scene import Scene, Talk

SAID = (
    ("number-not-answering",),
    ("conf-waitforleader", "conf-onlyperson"),
    ("dir-nomore",),
    ("all-circuits-busy-now", "vm-msgsaved", "vm-nobodyavail", "check-number-dial-again"),
)
"""What A says, turn by turn: prompts that a recogniser understands however they are cut, and their translations too.
The second turn is two sentences with a breath between, the last is four: so there are words enough that one which is
recognised otherwise is less than two points of an error rate."""

BREATH_S = 0.3
"""A pause for Deepgram, which ends a sentence at `endpointing_ms`; none for our own detector."""

ENTRY_POINTS = {"dragoman.tts": {NAME: "tests.fakes.freezing_voice:make"}}
"""The voice is an engine from another distribution."""


@dataclass
class Cloud:
    """The engines that are asked first."""

    deepgram: FakeDeepgram
    deepl: FakeDeepL
    voice: FreezingVoice
    told: int = 0
    """Clauses when something happened in mid-word."""


Happen = Callable[[Cloud], Awaitable[None]]


async def nothing(_: Cloud) -> None:
    """Nobody freezes."""


@dataclass(frozen=True)
class Trouble:
    """What happens around a turn."""

    before: Happen = nothing
    amid: Happen = nothing
    """In mid-word."""

    after: Happen = nothing
    """When all of it was heard."""

    turn: int = 1
    sentence: int = 1
    """Of the turn's: in which it happens."""


@dataclass(frozen=True)
class Result:
    """A call that is over."""

    clauses: list[Clause]
    deliveries: list[Delivery]
    heard: list[Heard]
    told: int
    """Clauses when something happened in mid-word."""

    failovers: Counter[tuple[str, ...]]
    """Pieces of work by the engine that failed at it and the one that took it over."""

    answers: Counter[tuple[str, ...]]
    """Pieces of work done, by engine."""

    @property
    def words(self) -> list[str]:
        """Of the transcript."""
        return [word for clause in self.clauses for word in fold(clause.text)]

    @property
    def again(self) -> float:
        """Word error rate of what was heard, recognised again."""
        rate = wer.rate([(one.delivery.target or "", text) for one in self.heard for text in one.again])
        assert rate is not None
        return rate


async def call(asterisk: AsteriskServer, triton: TritonServer, trouble: Trouble) -> Result:
    """A call from A, who speaks English, to B, who listens in Spanish."""
    async with AsyncExitStack() as lives:
        client = await lives.enter_async_context(TritonClient(triton.addresses.grpc))
        deepgram = FakeDeepgram(WhisperEars(client, "en", hears_pauses=True))
        url = await lives.enter_async_context(serve(deepgram))
        deepl = await lives.enter_async_context(fake_deepl())
        deepl.render = lambda text, source, target: translate(client, text, source.lower(), target.lower())
        metrics = Registry()
        engines = make_all(
            EngineSettings(
                stt="deepgram",
                mt="deepl",
                tts=NAME,
                options={
                    "deepgram": {"key": "k", "host": url, "endpointing_ms": 200},
                    "deepl": {"key": "k", "host": deepl.url},
                },
            ),
            client,
            TritonSettings(grpc=triton.addresses.grpc, stt_deadline_s=20, first_chunk_s=20),
            # On a machine that does much else slow is no fault.
            FallbackSettings(tts=["pico"], stt_slow_s=60, mt_slow_s=60, tts_slow_s=60),
            metrics=metrics,
            lives=lives,
        )
        cloud = Cloud(deepgram, deepl, _freezing(engines.tts))
        kept = KeptVoice(engines.tts)
        caller, callee = SipPhone("a"), SipPhone("b", auto_answer=True)
        async with Scene(asterisk, [(caller, callee)], engines=replace(engines, tts=kept, identifier=None)) as scene:
            talk = await scene.call()
            for number, names in enumerate(SAID):
                happens = trouble if number == trouble.turn else Trouble()
                await _say(talk, [sentence(name) for name in names], happens, cloud)
            await talk.hang_up()
        deliveries = [one for one in talk.seen.deliveries if one.listener == "b"]
        return Result(
            talk.clauses("a"),
            deliveries,
            await listen(client, callee.heard(), deliveries, kept.made),
            cloud.told,
            _counted(metrics, "dragoman_failovers_total", 1, 2),
            _counted(metrics, "dragoman_engine_answers_total", 0),
        )


def truth() -> list[str]:
    """The words that A says."""
    names = [name for turn in SAID for name in turn]
    return [word for text, _ in prompts(Cache.default().prompts, "en", names) for word in fold(text)]


def sentence(name: str) -> Pcm:
    """A recorded prompt without the silence around it."""
    ((_, pcm),) = prompts(Cache.default().prompts, "en", [name])
    start_s, end_s = voiced_span(pcm)
    return pcm[round(start_s * RATE) : round(end_s * RATE)]


async def _say(talk: Talk, sentences: list[Pcm], trouble: Trouble, cloud: Cloud) -> None:
    """One turn of A's, and all that it leads to."""
    await trouble.before(cloud)
    breath = np.zeros(round(BREATH_S * RATE), np.int16)
    pcm = np.concatenate([piece for one in sentences for piece in (one, breath)])
    begins_s = talk.phones["a"].say(pcm)
    if trouble.amid is not nothing:
        before_s = sum(len(one) / RATE + BREATH_S for one in sentences[: trouble.sentence])
        amid_s = begins_s + before_s + _mid_word_s(sentences[trouble.sentence])
        while talk.phones["a"].elapsed_s < amid_s:
            await asyncio.sleep(0.01)
        cloud.told = len(talk.clauses("a"))
        await trouble.amid(cloud)
    ends_s = talk.on_call_s("a", begins_s + len(pcm) / RATE - BREATH_S)
    async with asyncio.timeout(2 * STEP_S):
        while not _told(talk, ends_s):
            await asyncio.sleep(0.05)
    await trouble.after(cloud)


def _told(talk: Talk, ends_s: float) -> bool:
    """What A said until then is accounted for."""
    reached = max((one.clause.span.end_s for one in talk.seen.deliveries), default=0.0)
    return talk.conversation.balance.open == 0 and reached > ends_s - 0.5


def _mid_word_s(pcm: Pcm) -> float:
    """The loudest moment of its middle third: a vowel, and so within a word."""
    step = RATE // 50
    frames = range(len(pcm) // 3, 2 * len(pcm) // 3, step)
    return max(frames, key=lambda start: dbfs(pcm[start : start + step])) / RATE


def _freezing(tts: Voice) -> FreezingVoice:
    assert isinstance(tts, Chain)
    voice = tts.members[0].engine
    assert isinstance(voice, FreezingVoice)
    return voice


def _counted(metrics: Registry, name: str, *places: int) -> Counter[tuple[str, ...]]:
    """A counter's figures, by some of its labels."""
    found: Counter[tuple[str, ...]] = Counter()
    for labels, count in next(one["samples"] for one in metrics.snapshot() if one["name"] == name):
        found[tuple(labels[place] for place in places)] += round(count)
    return found
