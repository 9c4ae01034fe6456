"""Triton with what knows and speaks in voices: the real CAM++, and the tiny XTTS and style network of random weights.

Who speaks is really told from who does not; what is spoken in a cloned voice is noise of the right length.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from controller.demo.script import prompts, voiced_span
from controller.engines import Engines
from controller.engines.registry import EngineContext, make_voice
from controller.frames import Pcm
from controller.messages import Outcome
from controller.settings import EngineSettings, FallbackSettings, TritonSettings, VoiceSettings
from controller.stack.asterisk import AsteriskServer
from controller.stack.triton import TritonServer
from controller.triton.client import TritonClient
from controller.voices.keeper import Keeper
from controller.voices.opening import keeper_of
from export.setup.cache import REPOSITORY, Cache
from export.setup.components import missing
from tests.fakes.fake_engines import FakeRecogniser, FakeTranslator
from tests.fakes.sip_phone import SipPhone
from tests.fakes.sounds import RATE
from tests.integration import xtts_rig
from tests.requirements import require_or_skip
from tests.scenarios.scene import Scene, Talk

CLIPS = (
    ("conf-placeintoconf", "all-circuits-busy-now", "vm-nobodyavail"),
    ("privacy-prompt", "check-number-dial-again", "vm-msgsaved"),
    ("conf-waitforleader", "conf-onlyperson", "number-not-answering"),
)
"""What Ana enrols with: prompts of one speaker, three a clip, some 6 s."""

SHORT = ("vm-goodbye",)
"""Less than anybody is known by."""

TURNS = (
    ("followme/pls-hold-while-try", "dir-nomore"),
    ("followme/sorry", "please-try-call-later"),
    ("privacy-unident", "conf-onlyone"),
    ("conf-roll-callcomplete", "dir-nomatch"),
    ("conf-leaderhasleft", "vm-mismatch"),
)
"""What the same speaker says on calls: nothing of the above."""


def require() -> None:
    """Skip, or fail where it is required, what is not here."""
    xtts_rig.require()
    for one in missing(Cache.default(), ["campplus", "prompts"]):
        require_or_skip("offline", False, one.sentence)


def exported(folder: Path) -> Path:
    """`folder` with the models in it, exported as a user would, and a house voice (`house.npz`) beside it."""
    xtts_rig.exported(folder)
    for words in (("campplus",), ("gst", "--structural", "tiny")):
        command: list[str | Path] = [Cache.default().python("export"), "-m", "export", *words, "--out", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
        assert done.returncode == 0, done.stderr
    return folder


def said(names: tuple[str, ...]) -> Pcm:
    """One turn of the speaker of the English prompts: whole sentences with a breath between, int16 at 8 kHz."""
    breath = np.zeros(round(0.15 * RATE), np.int16)
    pieces: list[Pcm] = []
    for _, pcm in prompts(Cache.default().prompts, "en", names):
        start_s, end_s = voiced_span(pcm)
        pieces += [pcm[round(start_s * RATE) : round(end_s * RATE)], breath]
    joined: Pcm = np.concatenate(pieces[:-1])
    return joined


ANA = "ana"
"""Both the name of the voice and the number that its owner calls from."""

PATIENCE = {"first_chunk_s": 20.0, "gap_s": 20.0}
TURN_S = 60.0
"""Until everything that was said in one is heard, on a machine that does much else."""


@dataclass(frozen=True)
class House:
    """What a call with voices needs."""

    asterisk: AsteriskServer
    triton: TritonServer
    folder: Path

    @property
    def voices(self) -> VoiceSettings:
        return VoiceSettings(store=str(self.folder / "voices"), key="a key for tests")  # type: ignore[arg-type]

    @asynccontextmanager
    async def keeper(self) -> AsyncIterator[Keeper]:
        """As the API's process has one."""
        async with TritonClient(self.triton.addresses.grpc) as client:
            keeper = keeper_of(self.voices, client)
            await keeper.library.open()
            yield keeper
            await keeper.library.close()

    @asynccontextmanager
    async def scene(self, caller: SipPhone, engines: Engines) -> AsyncIterator[Scene]:
        """A service that keeps these voices, a caller, and whom they may call."""
        settings: dict[str, dict[str, Any]] = {
            "voices": {"store": self.voices.store, "key": self.voices.key.get_secret_value()},
            "triton": {"grpc": self.triton.addresses.grpc, **PATIENCE},
        }
        phones = caller, SipPhone("b", auto_answer=True)
        async with Scene(self.asterisk, [phones], engines=engines, settings=settings) as scene:
            yield scene

    @asynccontextmanager
    async def call(self, number: str = ANA) -> AsyncIterator[tuple[Scene, Talk]]:
        """A call of two, whose caller's number is Ana's; the voice that speaks is one that clones."""
        deadlines = TritonSettings(grpc=self.triton.addresses.grpc, **PATIENCE)
        async with TritonClient(self.triton.addresses.grpc) as client:
            tts = make_voice(
                EngineSettings(tts="xtts_v2", options={"xtts_v2": {"voice": str(self.folder / "house.npz")}}),
                EngineContext(client, deadlines, {}),
                FallbackSettings(tts=[], tts_slow_s=60),
            )
            async with self.scene(SipPhone(number), Engines(FakeRecogniser(), FakeTranslator(), tts)) as scene:
                yield scene, await scene.call()


async def turn(talk: Talk, pcm: Pcm) -> None:
    """The caller says it, and the other hears all of it."""
    before = len(talk.clauses("a"))
    talk.phones["a"].say(pcm)
    async with asyncio.timeout(TURN_S):
        while len(talk.clauses("a")) == before or talk.conversation.balance.open:
            await asyncio.sleep(0.05)


def heard(talk: Talk) -> bool:
    """All that was said was heard."""
    return all(one.outcome is Outcome.PLAYED for one in talk.seen.deliveries if one.listener == "b")
