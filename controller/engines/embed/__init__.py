"""What hears who speaks and how, and what a cloning voice needs of them: whatever a profile is made with."""

from __future__ import annotations

from typing import Protocol

from controller.frames import Pcm
from controller.triton.contracts import Embedding, Latents


class VoiceEncoders(Protocol):
    """Three encoders. Each may take seconds: none is ever asked on a call's path.

    Raises (each of its methods):
        EngineError: it failed, is not there, or will not take this sound.
    """

    async def identity(self, pcm: Pcm, network: str = "") -> Embedding:
        """Who speaks in int16[n] at the controller's rate, 0.5 to 30 s: float32[256] of length 1.

        Args:
            network: which encoder of several, such as campplus; the one that enrols where empty.
        """
        ...

    async def style(self, pcm: Pcm) -> Embedding:
        """How they speak in it: float32[64] of length 1."""
        ...

    async def latents(self, pcm: Pcm, rate: int) -> Latents:
        """What clones the voice in int16[n] at `rate` hertz, 3 to 30 s."""
        ...

    async def forget(self, latents: Latents | None) -> None:
        """Have whatever speaks with these latents keep nothing of them; of any where they are None."""
        ...
