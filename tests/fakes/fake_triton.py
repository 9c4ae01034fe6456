"""A scripted stand-in for Triton: it answers by model name, and notes what it was asked. No server, no gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from controller.errors import EngineTimeout
from controller.triton.client import Array, Lane, TritonClient

Script = Sequence["float | Array | Exception"]
"""What a stream does in turn: waits so many seconds, sends PCM, or fails."""


@dataclass(frozen=True)
class Asked:
    """One request."""

    model: str
    inputs: Mapping[str, Array]
    times: Mapping[str, float]

    def text(self, name: str) -> str:
        return bytes(self.inputs[name].reshape(-1)[0]).decode()


class FakeTriton(TritonClient):
    """Streams follow `scripts`, the last of them for ever; single answers come from `answer`."""

    def __init__(
        self, *scripts: Script, answer: Callable[[Mapping[str, Array]], Mapping[str, Array]] = lambda inputs: {}
    ) -> None:
        self._scripts = list(scripts) or [[np.ones(160, np.int16)]]
        self._answer = answer
        self.asked: list[Asked] = []
        self.cancelled = 0
        """Streams left before their end."""

    async def infer(
        self, model: str, inputs: Mapping[str, Array], *, deadline_s: float, lane: Lane = Lane.STT
    ) -> Mapping[str, Array]:
        self.asked.append(Asked(model, inputs, {"deadline_s": deadline_s}))
        return self._answer(inputs)

    async def stream(
        self, model: str, inputs: Mapping[str, Array], *, lane: Lane = Lane.TTS, **times: Any
    ) -> AsyncGenerator[Mapping[str, Array], None]:
        self.asked.append(Asked(model, inputs, times))
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        patience_s, ended = times["first_s"], False
        try:
            for step in script:
                if isinstance(step, Exception):
                    ended = True
                    raise step
                if isinstance(step, float):
                    await asyncio.sleep(min(step, patience_s))
                    if step >= patience_s:
                        ended = True
                        raise EngineTimeout(f"{model} sent nothing for {patience_s:g} s", engine=model)
                else:
                    patience_s = times["gap_s"]
                    yield {"PCM": step}
            ended = True
        finally:
            self.cancelled += not ended

    async def close(self) -> None:
        return None
