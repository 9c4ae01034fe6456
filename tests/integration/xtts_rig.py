"""XTTS on the real Triton for tests: a repository of the tiny model with random weights, and a server of its own."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from controller.triton.client import TritonClient
from controller.triton.contracts import Latents, synthesize
from export.setup.cache import REPOSITORY, Cache
from export.setup.components import missing
from tests.integration.asking import Samples
from tests.requirements import require_or_skip

MODELS = ("xtts_v2", "xtts_conditioning")
SEED = 1
WIDTH = 64
"""Of the tiny model's latents."""


def require() -> None:
    """Skip (or fail, see `require_or_skip`) where Triton, or what exports XTTS, is not here."""
    cache = Cache.default()
    for name, components in (("triton", ("python", "triton-server", "env-triton")), ("xtts", ("env-export",))):
        for one in missing(cache, components):
            require_or_skip(name, False, one.sentence)


def exported(folder: Path) -> Path:
    """`folder` with both models in it, exported as a user would."""
    source = ("--structural", "tiny", "--seed", str(SEED))
    command: list[str | Path] = [Cache.default().python("export"), "-m", "export", "xtts", *source, "--out", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    return folder


def hum(seconds: float, rate: int = 16_000, seed: int = 0) -> Samples:
    """Something like a voice: a pitch that wanders, its overtones, breath."""
    random = np.random.default_rng(seed)
    times = np.arange(round(seconds * rate)) / rate
    turn = np.cumsum(2 * np.pi * (120 + 40 * np.sin(times * (2 + seed)))) / rate
    sound = 0.1 * np.sum([np.sin(k * turn) / k for k in range(1, 12)], axis=0) + random.normal(0, 0.01, len(times))
    pcm: Samples = np.clip(sound * 32_768, -32_768, 32_767).astype(np.int16)
    return pcm


def variant(folder: Path, source: Path, model: str = "xtts_v2", *, weights: bool = True, **parameters: str) -> Path:
    """`folder` with a model of `source` in it whose config.pbtxt says otherwise, or without its weights."""
    made, original = folder / model, source / (model if (source / model).is_dir() else "xtts_v2")
    (made / "1").mkdir(parents=True)
    text = (original / "config.pbtxt").read_text()
    for name, word in parameters.items():
        text, count = re.subn(rf'(key: "{name}" value: {{ string_value: ")\w+', rf"\g<1>{word}", text)
        assert count == 1, name
    (made / "config.pbtxt").write_text(text)
    (made / "1/model.py").symlink_to(original / "1/model.py")
    if weights:
        (made / "1/weights").symlink_to(original / "1/weights")
    return folder


@dataclass(frozen=True)
class Asked:
    """One utterance."""

    text: str
    who: int = 0
    """A voice; any number is one."""
    seed: int = 0
    rate: int = 16_000
    speed: float = 2.0
    """The quickest by default: a sample costs the vocoder what it costs in the full size."""
    language: str = "en"

    def stream(self, client: TritonClient, **options: Any) -> AsyncGenerator[Samples, None]:
        given = {"latents": voice(self.who), "first_s": 60.0, "gap_s": 60.0, "deadline_s": 120.0, **options}
        return synthesize(
            client,
            self.text,
            self.language,
            sample_rate=self.rate,
            speed=self.speed,
            seed=self.seed,
            model="xtts_v2",
            **given,
        )


def voice(who: int) -> Latents:
    """Somebody."""
    bits = np.random.Generator(np.random.Philox(who))
    latents = bits.standard_normal((32, WIDTH)).astype(np.float16)
    speaker = bits.standard_normal(512).astype(np.float32)
    return Latents(latents, speaker / np.float32(np.linalg.norm(speaker)))


class Listening:
    """An utterance that is being heard."""

    def __init__(self, client: TritonClient, asked: Asked, **options: Any) -> None:
        self.asked = asked
        self.chunks: list[Samples] = []
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._listen(asked.stream(client, **options)))

    @property
    def pcm(self) -> Samples:
        return np.concatenate([np.zeros(0, np.int16), *self.chunks])

    async def heard(self, chunks: int) -> None:
        """Until so many have come; fails where it ended before."""
        while len(self.chunks) < chunks:
            self._news.clear()
            await self._news.wait()
            assert len(self.chunks) >= chunks or not self.task.done(), self.task

    async def end(self) -> Samples:
        """All of it, once it is over."""
        await self.task
        return self.pcm

    async def leave(self) -> None:
        """Hang up."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _listen(self, stream: AsyncGenerator[Samples, None]) -> None:
        try:
            async with aclosing(stream) as parts:
                async for chunk in parts:
                    self.chunks.append(chunk)
                    self._news.set()
        finally:
            self._news.set()
